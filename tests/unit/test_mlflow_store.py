"""What MLflow has after one import and after another: the same runs, no duplicates."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path

import pytest

from tests.unit.trained_project import MEANS, SCALE, STEPS, evaluate, sample, train, trained_project
from tgvac.bridge import mlflow_store
from tgvac.bridge.mlflow_import import import_scale
from tgvac.bridge.mlflow_outcome import forget_failure, outcome_file, store_folder, write_outcome
from tgvac.errors import BadInput

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
mlflow = pytest.importorskip("mlflow")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store, made once, since making its tables takes seconds."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    mlflow.MlflowClient(tracking_uri=f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def root(tables: Path, tmp_path: Path) -> Path:
    """A project whose runs have been imported once. MLflow keeps a store open, so each test has its own."""
    root = trained_project(tmp_path / "a project")
    sample(root, "frame", 5, grey=50)
    store_folder(root).mkdir(parents=True)
    shutil.copy(tables, store_folder(root))
    return root


@pytest.fixture
def imported(root: Path) -> Path:
    import_scale(root, SCALE)
    return root


def client(root: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{store_folder(root)}/mlflow.db")


def runs(root: Path) -> dict[str, list[mlflow.entities.Run]]:
    """All runs of the scale's experiment, by name."""
    experiment = client(root).get_experiment_by_name(SCALE)
    out: dict[str, list[mlflow.entities.Run]] = {}
    for run in client(root).search_runs([experiment.experiment_id]):
        out.setdefault(run.info.run_name, []).append(run)
    return out


def samples_of(root: Path, run: mlflow.entities.Run) -> list[str]:
    return sorted(file.path for file in client(root).list_artifacts(run.info.run_id, "samples"))


def everything(root: Path) -> dict[str, object]:
    """All that the store has of each run: ids, params, metrics with their history, tags, files."""
    store, out = client(root), {}
    for name, found in runs(root).items():
        for run in found:
            run_id = run.info.run_id
            history = {
                key: [(m.step, m.value, m.timestamp) for m in store.get_metric_history(run_id, key)]
                for key in run.data.metrics
            }
            files = samples_of(root, run)
            out[f"{name} {run_id}"] = (run.data.params, run.data.tags, history, files, run.info.status)
    return out


def test_a_scale_is_an_experiment_and_a_training_a_run(imported: Path) -> None:
    found = runs(imported)
    assert {name: len(of_name) for name, of_name in found.items()} == {
        "backbones/vae/seed1": 1,
        "frame/full/seed0": 1,
        "motion/full/seed0": 1,
    }
    assert {run.info.status for of_name in found.values() for run in of_name} == {"FINISHED"}


def test_curves_have_the_steps_and_values_of_the_events(imported: Path) -> None:
    run = runs(imported)["motion/full/seed0"][0]
    loss = client(imported).get_metric_history(run.info.run_id, "curves/loss")
    assert [(m.step, m.value) for m in loss] == list(zip(STEPS, (0.125, 0.0625, 0.03125), strict=True))
    assert {"curves/lr", "curves/grad_norm"} <= run.data.metrics.keys()


def test_params_tags_inputs_and_final_scores_are_the_training_s(imported: Path) -> None:
    run = runs(imported)["motion/full/seed0"][0]
    assert run.data.params["motion.steps"] == "12"
    assert run.data.params["diffusion.train_steps"] == "1000"
    assert run.data.tags["tgvac.phase_spec"] == "motion"
    assert run.data.tags["tgvac.code"] == "c0de"
    assert {i.dataset.name for i in run.inputs.dataset_inputs} == {
        "backbones/index.json",
        "frame/full/seed0/index.json",
    }
    finals = {key: value for key, value in run.data.metrics.items() if key.startswith("ours/")}
    assert finals == {f"ours/full/given/{name}/psnr": mean for name, mean in MEANS.items()}


def test_scores_of_each_variant_have_one_name_so_that_variants_can_be_compared(imported: Path) -> None:
    for name in ("motion/full/seed0", "frame/full/seed0"):
        metrics = runs(imported)[name][0].data.metrics
        assert {key: value for key, value in metrics.items() if key.startswith("model/")} == {
            f"model/given/{group}/psnr": mean for group, mean in MEANS.items()
        }


def test_samples_are_in_the_store_s_folder_of_artifacts(imported: Path) -> None:
    run = runs(imported)["frame/full/seed0"][0]
    assert samples_of(imported, run) == ["samples/step-00000005.png"]
    inside = store_folder(imported) / "artifacts" / SCALE / run.info.run_id / "artifacts" / "samples"
    original = imported / "results" / SCALE / "frame" / "full" / "seed0" / "samples" / "step-00000005.png"
    assert (inside / "step-00000005.png").read_bytes() == original.read_bytes()


def test_the_same_import_again_changes_nothing(imported: Path) -> None:
    before = everything(imported)
    import_scale(imported, SCALE)
    assert everything(imported) == before
    assert len(before) == 3


def test_touched_files_are_the_same_runs(imported: Path) -> None:
    before = everything(imported)
    for path in (imported / "results").rglob("*"):
        os.utime(path)
    import_scale(imported, SCALE)
    assert everything(imported) == before


def test_a_killed_import_is_completed_in_the_same_runs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    for step in ("log_inputs", "set_terminated", "log_artifact"):
        with monkeypatch.context() as patch:
            patch.setattr(mlflow.MlflowClient, step, killed)
            with pytest.raises(KeyboardInterrupt):
                import_scale(root, SCALE)
    import_scale(root, SCALE)
    found = {name: run for name, (run,) in runs(root).items()}
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    for run in found.values():
        for key in run.data.metrics:
            steps = [m.step for m in client(root).get_metric_history(run.info.run_id, key)]
            assert steps == ([STEPS[-1]] if key.startswith(("ours", "model")) else list(STEPS))
    assert samples_of(root, found["frame/full/seed0"]) == ["samples/step-00000005.png"]


def test_another_training_is_another_run_and_the_old_one_stays(imported: Path) -> None:
    train(imported, "frame", loss=0.75)
    import_scale(imported, SCALE)
    found = runs(imported)
    assert {name: len(of_name) for name, of_name in found.items()} == {
        "backbones/vae/seed1": 1,
        "frame/full/seed0": 2,
        "motion/full/seed0": 1,
    }


def test_another_evaluation_of_the_same_weights_updates_the_same_run(imported: Path) -> None:
    run = runs(imported)["motion/full/seed0"][0]
    evaluate(imported, scale_values=2.0)
    import_scale(imported, SCALE)
    assert [r.info.run_id for r in runs(imported)["motion/full/seed0"]] == [run.info.run_id]
    again = runs(imported)["motion/full/seed0"][0]
    assert again.data.metrics["ours/full/given/hard/psnr"] == 12.0
    assert again.data.metrics["curves/loss"] == run.data.metrics["curves/loss"]


def test_samples_that_come_later_are_added_to_the_same_run(imported: Path) -> None:
    sample(imported, "frame", 12, grey=90)
    import_scale(imported, SCALE)
    run = runs(imported)["frame/full/seed0"][0]
    assert samples_of(imported, run) == ["samples/step-00000005.png", "samples/step-00000012.png"]


def test_a_run_that_the_user_deleted_stays_deleted(imported: Path) -> None:
    client(imported).delete_run(runs(imported)["frame/full/seed0"][0].info.run_id)
    import_scale(imported, SCALE)
    assert list(runs(imported)) == ["motion/full/seed0", "backbones/vae/seed1"]


def test_a_deleted_experiment_is_restored_by_the_next_import(imported: Path) -> None:
    client(imported).delete_experiment(client(imported).get_experiment_by_name(SCALE).experiment_id)
    import_scale(imported, SCALE)
    assert client(imported).get_experiment_by_name(SCALE).lifecycle_stage == "active"


def test_a_damaged_store_is_refused_and_fails_no_workflow(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (store_folder(root) / "mlflow.db").write_bytes(b"no database at all " * 100)
    with pytest.raises(
        BadInput, match=r"The MLflow store .*mlflow cannot be used.*move it away and run `tgvac mlflow`"
    ):
        import_scale(root, SCALE)
    import_scale(root, SCALE, optional=True)
    assert "`tgvac mlflow --scale smoke` tries again" in capsys.readouterr().err
    assert json.loads((root / outcome_file(SCALE)).read_text())["status"] == "failed"


def test_the_next_run_of_the_workflow_tries_a_failed_import_again_and_no_other(imported: Path) -> None:
    outcome = imported / outcome_file(SCALE)
    forget_failure(imported, SCALE)
    assert json.loads(outcome.read_text())["status"] == "imported"
    write_outcome(imported, SCALE, "failed", why="the disk was full.")
    forget_failure(imported, SCALE)
    assert not outcome.exists()


def test_a_store_that_was_moved_is_refused(imported: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(imported, moved)
    with pytest.raises(BadInput, match=r"was made in another folder.*move it away"):
        import_scale(moved, SCALE)


def test_a_server_without_a_store_or_a_free_port_is_refused(imported: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"mlflow\.db does not exist; make it by `tgvac mlflow --scale S`"):
        mlflow_store.serve(tmp_path, 5000)
    with socket.socket() as taken:
        taken.bind((mlflow_store.HOST, 0))
        taken.listen()
        with pytest.raises(BadInput, match=r"cannot be used .*give another by --port"):
            mlflow_store.serve(store_folder(imported), taken.getsockname()[1])


def test_the_server_s_pages_are_named_by_scale_and_it_listens_on_this_machine_alone(
    imported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    became: list[str] = []
    monkeypatch.setattr(os, "execv", lambda program, arguments: became.extend(arguments))
    with socket.socket() as free:
        free.bind((mlflow_store.HOST, 0))
        port = free.getsockname()[1]
    mlflow_store.serve(store_folder(imported), port)
    assert f"runs of scale 'smoke': http://127.0.0.1:{port}/#/experiments/1/runs" in capsys.readouterr().out
    assert became[became.index("--host") + 1] == "127.0.0.1"
    assert became[became.index("--port") + 1] == str(port)
    assert became[became.index("--backend-store-uri") + 1] == f"sqlite:///{store_folder(imported)}/mlflow.db"
