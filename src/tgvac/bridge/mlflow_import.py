"""``tgvac mlflow``: import the finished trainings of a scale into the MLflow store, one writer at a time."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tgvac.bridge.finished_trainings import FinishedTraining, find_trainings
from tgvac.bridge.mlflow_outcome import store_folder, write_outcome
from tgvac.bridge.training_scores import scores_by_index
from tgvac.errors import BadInput
from tgvac.files import locked
from tgvac.params import load_params


def import_scale(root: Path, scale: str, optional: bool = False) -> None:
    """Import the finished trainings of a scale. Importing the same trainings again changes nothing.

    Args:
        optional: print any failure, but return normally. The last step of the workflow must not fail a run whose
            results are complete.

    Raises:
        BadInput: for whatever the user can fix, unless ``optional``.
    """
    params = load_params(root, scale)
    try:
        runs, left_out = find_trainings(root, scale, params)
        scores = scores_by_index(root / "results" / scale, params.metrics.hard_from)
        new = _import(root, scale, runs, scores)
    except Exception as error:
        if not optional:
            raise
        why = str(error) if isinstance(error, BadInput) else f"{type(error).__name__}: {error}"
        write_outcome(root, scale, "failed", why=why)
        print(
            f"MLflow was not updated: {why} The results are complete and don't need it;"
            f" `tgvac mlflow --scale {scale}` tries again.",
            file=sys.stderr,
        )
        return
    for sentence in left_out:
        print(f"left out: {sentence}")
    write_outcome(root, scale, "imported", runs=[run.name for run in runs], left_out=left_out)
    print(f"MLflow has {len(runs)} runs of scale '{scale}', {new} of them new; see them with `tgvac ui`")


def _import(
    root: Path,
    scale: str,
    runs: Sequence[FinishedTraining],
    scores: Mapping[tuple[str, str], Mapping[str, float]],
) -> int:
    # Imported only after the checks, since MLflow takes seconds to import.
    from tgvac.bridge.mlflow_store import import_runs

    folder = store_folder(root)
    with locked(folder.with_name("mlflow.lock")):
        return import_runs(folder, scale, runs, scores)
