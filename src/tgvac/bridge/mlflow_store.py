"""The MLflow store: an idempotent import of finished trainings, and the server that shows them.

The store is ``scratch/mlflow/``: an SQLite file and a folder of artifacts. It holds only copies; tables, claims and
figures never read it. One process writes at a time, and the caller holds the lock. No other file imports MLflow.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tgvac.bridge.finished_trainings import FinishedTraining
from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.files import sha256

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

T = TypeVar("T")

HOST = "127.0.0.1"
_IDENTITY, _SAMPLES = "tgvac.identity", "tgvac.samples"
_METRICS_A_CALL, _PARAMS_A_CALL = 1000, 100
"""The server's limits for one call of ``log_batch``."""

# No telemetry, no job runner, and no log lines about database migrations.
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


def _database(folder: Path) -> Path:
    return folder / "mlflow.db"


def import_runs(
    folder: Path,
    scale: str,
    runs: Sequence[FinishedTraining],
    scores: Mapping[tuple[str, str], Mapping[str, float]],
) -> int:
    """Import the trainings of a scale into the store. What is there already is not changed.

    Args:
        folder: ``scratch/mlflow``; created if it does not exist.
        scores: final scores by the index of a training (:func:`tgvac.bridge.training_scores.scores_by_index`).

    Returns:
        the number of new runs.

    Raises:
        BadInput: when the store cannot be used.
    """
    new = 0
    with _store(folder) as client:
        experiment = _experiment(client, folder, scale)
        for run in runs:
            found = _find(client, experiment, run)
            if found is None:
                new += 1
                found = _create(client, experiment, run)
            if found.info.lifecycle_stage == "deleted":
                continue  # the user deleted it in the web interface, where it can be restored
            if found.info.status != "FINISHED":
                _log_training(client, found, run)
            _log_scores(client, found, run, scores.get(run.index, {}))
            _log_samples(client, found, run)
    return new


@contextmanager
def _store(folder: Path) -> Iterator[MlflowClient]:
    """A client of the store, which is created, with all its tables, on first use."""
    os.environ.update(_QUIET)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield MlflowClient(tracking_uri=f"sqlite:///{_database(folder).resolve()}")
    except (MlflowException, SQLAlchemyError) as error:
        said = " ".join(str(error).split())[:200]
        raise BadInput(
            f"The MLflow store {folder} cannot be used ({said}); it holds copies only, so move it away and run"
            " `tgvac mlflow` again."
        ) from error


def _experiment(client: MlflowClient, folder: Path, scale: str) -> str:
    """The id of the scale's experiment. Its artifacts are in the store, not in the current folder."""
    artifacts = (folder / "artifacts" / scale).resolve().as_uri()
    found = client.get_experiment_by_name(scale)
    if found is None:
        return str(client.create_experiment(scale, artifact_location=artifacts))
    if found.artifact_location != artifacts:
        raise BadInput(
            f"The MLflow store {folder} was made in another folder ({found.artifact_location}); it holds copies only,"
            " so move it away and run `tgvac mlflow` again."
        )
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _find(client: MlflowClient, experiment: str, run: FinishedTraining) -> Run | None:
    from mlflow.entities import ViewType

    found = client.search_runs([experiment], f"tags.`{_IDENTITY}` = '{run.identity}'", ViewType.ALL, max_results=1)
    return found[0] if found else None


def _create(client: MlflowClient, experiment: str, run: FinishedTraining) -> Run:
    tags = {
        _IDENTITY: run.identity,
        "tgvac.scale": run.scale,
        "tgvac.phase_spec": run.phase,
        "tgvac.variant": run.variant,
        "tgvac.seed": str(run.seed),
        "tgvac.code": run.code,
        "tgvac.index": run.index[1],
        "mlflow.source.name": f"tgvac stage {run.phase}",
    }
    start = _milliseconds(run.ended - (run.lasted or 0))
    return client.create_run(experiment, start_time=start, tags=tags, run_name=run.name)


def _log_training(client: MlflowClient, found: Run, run: FinishedTraining) -> None:
    """Log params, curves and inputs, which are constant for an identity. After a kill, what is missing is added."""
    from mlflow.entities import Dataset, DatasetInput, Metric, Param

    run_id = found.info.run_id
    for params in _chunks([Param(key, value) for key, value in run.params.items()], _PARAMS_A_CALL):
        client.log_batch(run_id, params=params)
    # Events have steps but no times. With the same time for all, a repeated import makes no duplicates.
    metrics = [
        Metric(f"curves/{key}", value, found.info.start_time, int(event["step"]))
        for event in (*run.events, *run.watched)
        for key, value in event.items()
        if key != "step" and math.isfinite(value)
    ]
    for chunk in _chunks(metrics, _METRICS_A_CALL):
        client.log_batch(run_id, metrics=chunk)
    # The store takes at most 36 characters for a digest.
    inputs = [Dataset(name, value[:36], "local", f"results/{run.scale}/{name}") for name, value in run.inputs.items()]
    client.log_inputs(run_id, datasets=[DatasetInput(dataset, []) for dataset in inputs])
    client.set_terminated(run_id, "FINISHED", _milliseconds(run.ended))


def _log_scores(client: MlflowClient, found: Run, run: FinishedTraining, scores: Mapping[str, float]) -> None:
    """Log the evaluation's means at the last step, but only those that differ from the store's."""
    from mlflow.entities import Metric

    now, step = _milliseconds(time.time()), int(run.events[-1]["step"]) if run.events else 0
    known = found.data.metrics
    changed = [Metric(key, value, now, step) for key, value in sorted(scores.items()) if known.get(key) != value]
    for chunk in _chunks(changed, _METRICS_A_CALL):
        client.log_batch(found.info.run_id, metrics=chunk)


def _log_samples(client: MlflowClient, found: Run, run: FinishedTraining) -> None:
    made = digest({path.name: sha256(path) for path in run.samples})
    if not run.samples or found.data.tags.get(_SAMPLES) == made:
        return
    for path in run.samples:
        client.log_artifact(found.info.run_id, str(path), "samples")
    client.set_tag(found.info.run_id, _SAMPLES, made)


def _chunks(items: list[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _pages(folder: Path, port: int) -> dict[str, str]:
    """The address of each scale's runs. Without its last part, MLflow opens its pages for language models."""
    with _store(folder) as client:
        found = {e.name: e.experiment_id for e in client.search_experiments() if e.name != "Default"}
    top = f"http://{HOST}:{port}/#/experiments"
    return {name: f"{top}/{number}/runs?workflowType=machine_learning" for name, number in sorted(found.items())}


def serve(folder: Path, port: int) -> None:
    """Replace this process by MLflow's server on the loopback interface; never returns.

    Raises:
        BadInput: when there is no store, or the port is taken.
    """
    if not _database(folder).is_file():
        raise BadInput(
            f"{_database(folder)} does not exist; make it by `tgvac mlflow --scale S`, then start this again."
        )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise BadInput(
                f"Port {port} of {HOST} cannot be used ({error.strerror}); give another by --port."
            ) from None
    print("MLflow is starting, which takes some seconds; stop it with Ctrl-C", flush=True)
    for name, page in _pages(folder, port).items():
        print(f"runs of scale '{name}': {page}", flush=True)
    os.execv(
        sys.executable,
        [
            *(sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{_database(folder).resolve()}"),
            *("--default-artifact-root", (folder / "artifacts").resolve().as_uri(), "--no-serve-artifacts"),
        ],
    )
