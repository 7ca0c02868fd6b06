"""``python -m docsite``: build the site."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from docsite.build import build
from tgvac.errors import BadInput


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m docsite", description="Build the documentation's site.")
    parser.add_argument("--out", type=Path, default=Path("site"), help="the folder; index.html there opens from disk")
    parser.add_argument("--without-api", action="store_true", help="leave the API's pages empty, which takes seconds")
    given = parser.parse_args()
    try:
        return build(given.out, not given.without_api)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
