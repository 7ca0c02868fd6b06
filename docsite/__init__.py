"""The documentation's site: pages of docs/, and pages made from the code, as HTML that opens from disk.

``python -m docsite`` builds it into ``site/``. Nothing in ``tgvac`` imports this package.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The clone."""
