"""The finished trainings of a scale and their scores, without a tracking server."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.unit.trained_project import MEANS, SCALE, STEPS, evaluate, sample, train, trained_project, write_events
from tgvac.bridge.finished_trainings import FinishedTraining, find_trainings
from tgvac.bridge.training_scores import scores_by_index
from tgvac.errors import BadInput
from tgvac.params import load_params


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return trained_project(tmp_path)


def found(root: Path) -> dict[str, FinishedTraining]:
    runs, _ = find_trainings(root, SCALE, load_params(root, SCALE))
    return {run.name: run for run in runs}


def left_out(root: Path) -> list[str]:
    return find_trainings(root, SCALE, load_params(root, SCALE))[1]


def test_each_training_and_each_part_of_the_backbones_is_found(root: Path) -> None:
    assert list(found(root)) == ["backbones/vae/seed1", "frame/full/seed0", "motion/full/seed0"]
    run = found(root)["motion/full/seed0"]
    assert [event["step"] for event in run.events] == list(STEPS)
    assert run.inputs.keys() == {"backbones/index.json", "frame/full/seed0/index.json"}


def test_params_are_the_leaves_that_decide_the_phase_and_no_others(root: Path) -> None:
    params = found(root)["motion/full/seed0"].params
    assert params["motion.steps"] == "12"
    assert params["motion.lr"] == "0.001"
    assert params["motion_module.norm"] == "frame"
    assert params["conditions.mask"] == "true"
    assert params["checkpoints.log_every"] == "5"
    assert not [key for key in params if key.startswith(("sampler", "frame", "report", "checkpoints.every"))]


def test_identity_stays_when_the_same_bytes_are_made_again_and_changes_with_the_training(root: Path) -> None:
    before = found(root)
    train(root, "frame", loss=0.5)
    assert found(root)["frame/full/seed0"].identity == before["frame/full/seed0"].identity
    train(root, "frame", loss=0.6)
    after = found(root)
    assert after["frame/full/seed0"].identity != before["frame/full/seed0"].identity
    assert after["backbones/vae/seed1"].identity == before["backbones/vae/seed1"].identity
    assert len({run.identity for run in after.values()}) == len(after)


def test_samples_come_in_order_of_steps(root: Path) -> None:
    for step in (100, 20, 3):
        sample(root, "frame", step, grey=step)
    names = [path.name for path in found(root)["frame/full/seed0"].samples]
    assert names == ["step-00000003.png", "step-00000020.png", "step-00000100.png"]


def test_a_duration_is_known_if_the_workflow_measured_it(root: Path) -> None:
    table = root / "benchmarks" / SCALE / "motion" / "full-seed0.tsv"
    table.parent.mkdir(parents=True)
    table.write_text("s\th:m:s\tmax_rss\n21.10\t0:00:21\t1144.82\n")
    assert found(root)["motion/full/seed0"].lasted == 21.1
    assert found(root)["frame/full/seed0"].lasted is None


def test_a_training_that_is_not_finished_is_left_out_and_named(root: Path) -> None:
    (root / "results" / SCALE / "motion" / "full" / "seed0" / "index.json").unlink()
    assert "motion/full/seed0" not in found(root)
    assert left_out(root) == ["motion/full/seed0 is not finished; `tgvac run --scale smoke` finishes it."]


def test_a_training_with_other_params_is_left_out_and_named(root: Path) -> None:
    path = root / "workflow" / "scales" / "smoke.yaml"
    tree = yaml.safe_load(path.read_text())
    tree["motion"]["steps"] = 13
    path.write_text(yaml.safe_dump(tree))
    assert list(found(root)) == ["backbones/vae/seed1", "frame/full/seed0"]
    assert "motion/full/seed0 was made with other params than scale 'smoke' has now" in left_out(root)[0]


def test_a_damaged_line_of_events_is_named(root: Path) -> None:
    path = root / "results" / SCALE / "frame" / "full" / "seed0" / "events.jsonl"
    path.write_text(path.read_text() + "{half a li\n")
    wanted = r"events\.jsonl, line 4, is not an event.*delete .*/frame/full/seed0/index\.json and .*--target frame"
    with pytest.raises(BadInput, match=wanted):
        found(root)


def test_a_damaged_line_of_what_decides_nothing_can_be_deleted(root: Path) -> None:
    path = root / "results" / SCALE / "frame" / "full" / "seed0" / "samples" / "speed.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{half a li\n")
    with pytest.raises(BadInput, match=r"speed\.jsonl, line 1, is not an event.*; delete it, since it decides nothing"):
        found(root)


def test_a_scale_without_results_is_refused(root: Path) -> None:
    with pytest.raises(BadInput, match=r"results/paper does not exist; make it by `tgvac run --scale paper`"):
        find_trainings(root, "paper", load_params(root, "paper"))


def scores(root: Path) -> dict[str, dict[str, float]]:
    by_index = scores_by_index(root / "results" / SCALE, hard_from=0.5)
    return {name: values for (name, _), values in by_index.items()}


def test_scores_are_means_over_frames_by_class_on_the_weights_that_made_them(root: Path) -> None:
    assert scores(root) == {
        "motion/full/seed0/index.json": named("ours/full", "model"),
        "frame/full/seed0/index.json": named("ours/full", "model", "ours/no_motion"),
    }


def named(*names: str) -> dict[str, float]:
    return {f"{name}/given/{group}/psnr": mean for name in names for group, mean in MEANS.items()}


def test_scores_of_earlier_weights_are_not_those_of_a_frame_model_trained_again(root: Path) -> None:
    train(root, "frame", loss=0.7)
    by_index = scores_by_index(root / "results" / SCALE, hard_from=0.5)
    assert found(root)["frame/full/seed0"].index not in by_index


def test_each_part_of_the_backbones_has_the_sample_images_of_its_own_training(root: Path) -> None:
    folder = root / "results" / SCALE / "backbones" / "samples" / "vae"
    folder.mkdir(parents=True)
    (folder / "step-00000012.png").write_bytes(b"never read")
    (folder / "validation.jsonl").write_text('{"psnr": 20.5, "step": 12}\n')
    run = found(root)["backbones/vae/seed1"]
    assert [path.name for path in run.samples] == ["step-00000012.png"]
    assert run.watched == ({"step": 12, "psnr": 20.5},)


def test_rows_of_weights_that_were_trained_again_belong_to_the_old_weights(root: Path) -> None:
    old = found(root)["motion/full/seed0"].index
    train(root, "motion", loss=0.7)
    by_index = scores_by_index(root / "results" / SCALE, hard_from=0.5)
    assert old in by_index
    assert found(root)["motion/full/seed0"].index not in by_index


@pytest.mark.parametrize(
    "file", ["completion/ours/full/seed0/shard-000.json", "metrics/ours/full/seed0/shard-000.parquet"]
)
def test_rows_whose_chain_of_records_is_broken_belong_to_no_training(root: Path, file: str) -> None:
    path = root / "results" / SCALE / file
    path.write_bytes(path.read_bytes() + b" ")
    assert scores(root) == {"frame/full/seed0/index.json": named("ours/no_motion")}


def test_without_rows_there_are_no_scores(root: Path) -> None:
    (root / "results" / SCALE / "metrics" / "rows.parquet").unlink()
    assert scores(root) == {}


def test_new_rows_of_the_same_weights_replace_the_old(root: Path) -> None:
    evaluate(root, scale_values=2.0)
    assert scores(root)["motion/full/seed0/index.json"]["ours/full/given/hard/psnr"] == 12.0


def test_events_without_a_step_are_refused(root: Path) -> None:
    path = root / "results" / SCALE / "backbones" / "events" / "vae.jsonl"
    write_events(path, 0.5)
    path.write_text('{"loss": 1.0}\n')
    with pytest.raises(BadInput, match=r"vae\.jsonl, line 1"):
        found(root)
