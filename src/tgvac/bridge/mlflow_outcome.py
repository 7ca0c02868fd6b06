"""What came of the last import into the tracking store: a small file that the graph takes for the step's output.

It lies in the store's folder, so that whoever deletes the store has it made again by the next run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tgvac.files import write_json

FORMAT = "tgvac-tracked-2"
"""Also what the graph's step depends on: another number, and runs are imported anew."""


def store_folder(root: Path) -> Path:
    """Where the tracking store of a project lies."""
    return root / "scratch" / "mlflow"


def outcome_file(scale: str) -> str:
    """The outcome's path below the project's folder."""
    return f"scratch/mlflow/imported/{scale}.json"


def write_outcome(root: Path, scale: str, status: str, **facts: Any) -> None:
    """Record what came of an import: ``imported`` or ``failed``, and facts about it."""
    write_json(root / outcome_file(scale), {"format": FORMAT, "status": status, **facts})


def forget_failure(root: Path, scale: str) -> None:
    """Take a failed import's record away, so that the graph tries again."""
    path = root / outcome_file(scale)
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")).get("status") == "failed":
        path.unlink()
