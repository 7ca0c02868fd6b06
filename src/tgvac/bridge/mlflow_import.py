"""``tgvac mlflow``: the finished runs of a scale, brought into the tracking store by one writer at a time."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tgvac.bridge.finished_trainings import TrackedRun, find_tracked
from tgvac.bridge.mlflow_outcome import store_folder, write_outcome
from tgvac.bridge.training_scores import scores_by_index
from tgvac.errors import BadInput
from tgvac.files import locked
from tgvac.params import load_params


def import_scale(root: Path, scale: str, optional: bool = False) -> None:
    """Import the finished runs of a scale; the same runs again change nothing.

    Args:
        optional: tell a failure, whatever it is, and go on: the workflow's last step must not fail a run whose
            results are whole.

    Raises:
        BadInput: for whatever the user can mend, unless ``optional``.
    """
    params = load_params(root, scale)
    try:
        runs, left_out = find_tracked(root, scale, params)
        scores = scores_by_index(root / "results" / scale, params.metrics.hard_from)
        new = _import(root, scale, runs, scores)
    except Exception as error:
        if not optional:
            raise
        why = str(error) if isinstance(error, BadInput) else f"{type(error).__name__}: {error}"
        write_outcome(root, scale, "failed", why=why)
        print(
            f"MLflow was not brought up to date: {why} The results are whole and don't need it;"
            f" `tgvac mlflow --scale {scale}` tries again.",
            file=sys.stderr,
        )
        return
    for sentence in left_out:
        print(f"left out: {sentence}")
    write_outcome(root, scale, "imported", runs=[run.name for run in runs], left_out=left_out)
    print(f"MLflow has {len(runs)} runs of scale '{scale}', {new} of them new; `tgvac ui` shows them")


def _import(
    root: Path,
    scale: str,
    runs: Sequence[TrackedRun],
    scores: Mapping[tuple[str, str], Mapping[str, float]],
) -> int:
    # Importing MLflow takes seconds, which the refusals before need not wait for.
    from tgvac.bridge.mlflow_store import import_runs

    folder = store_folder(root)
    with locked(folder.with_name("mlflow.lock")):
        return import_runs(folder, scale, runs, scores)
