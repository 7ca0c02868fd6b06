"""The outcome of the last import into the MLflow store: a small file, which is the output of the workflow's step.

It is in the store's folder, so that the next run imports again after the store was deleted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tgvac.files import write_json

FORMAT = "tgvac-tracked-2"
"""The workflow's step depends on it, so that another number imports all trainings again."""


def store_folder(root: Path) -> Path:
    """The folder of a project's MLflow store."""
    return root / "scratch" / "mlflow"


def outcome_file(scale: str) -> str:
    """The path of a scale's outcome below the project's folder."""
    return f"scratch/mlflow/imported/{scale}.json"


def write_outcome(root: Path, scale: str, status: str, **facts: Any) -> None:
    """Record the outcome of an import: ``imported`` or ``failed``, and facts about it."""
    write_json(root / outcome_file(scale), {"format": FORMAT, "status": status, **facts})


def forget_failure(root: Path, scale: str) -> None:
    """Delete the record of a failed import, so that the workflow tries again."""
    path = root / outcome_file(scale)
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")).get("status") == "failed":
        path.unlink()
