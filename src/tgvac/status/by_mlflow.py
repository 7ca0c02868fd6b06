"""Which finished trainings the MLflow store has, read from its database without importing MLflow."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from tgvac.bridge.finished_trainings import FinishedTraining
from tgvac.bridge.mlflow_outcome import store_folder

_FINISHED = """
select tags.value from tags join runs on runs.run_uuid = tags.run_uuid
where tags.key = 'tgvac.identity' and runs.status = 'FINISHED'
"""


def not_imported(root: Path, trainings: Iterable[FinishedTraining]) -> list[FinishedTraining] | None:
    """The trainings that the store lacks, or has only in part; None where there is no store that can be read."""
    path = store_folder(root) / "mlflow.db"
    if not path.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as store:
            known = {identity for (identity,) in store.execute(_FINISHED)}
    except sqlite3.Error:
        return None
    return [each for each in trainings if each.identity not in known]
