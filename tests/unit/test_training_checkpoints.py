"""Checkpoints: only the right one is resumed, the newest are kept, and everything is restored exactly."""

from __future__ import annotations

import dataclasses
import json
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.unit.loop_jobs import (
    FILES,
    KEY,
    interrupted,
    job,
    loss_of,
    network,
    steps_kept,
    stopped_at,
    straight,
    weights,
)
from tests.unit.tiny_models import TRAINING
from tgvac.training.checkpoint import Identity, State, load_checkpoint, save_checkpoint
from tgvac.training.loop import train
from tgvac.training.optimizers import restore_optimizer
from tgvac.training.run_params import CheckpointParams

# Which checkpoints are not resumed.


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["cut", "gone", "changed"])
def test_a_damaged_newest_checkpoint_is_skipped_for_the_one_before(
    tmp_path: Path, name: str, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted(tmp_path / "broken", 11)  # saved at 5 and 10
    path = next((tmp_path / "broken").glob("*/step-00000010")) / name
    data = path.read_bytes()
    middle = len(data) // 2
    harmed = data[:middle] + (b"" if harm == "cut" else b"\xff" + data[middle + 1 :])
    path.unlink() if harm == "gone" else path.write_bytes(harmed)
    was, now = (sha256(each).hexdigest()[:12] for each in (data, harmed))
    module = network()
    events = train(job(tmp_path / "broken", module))
    said = capsys.readouterr().err
    assert f"skipping checkpoint {path.parent}: " in said
    if name != "state.json":
        assert {
            "cut": f"{name} has {middle} bytes instead of {len(data)}\n",
            "gone": f"{name} ({len(data)} bytes) is missing\n",
            "changed": f"{name} has the digest {now} instead of {was}\n",
        }[harm] in said
    assert "resuming from step 5" in said
    assert (weights(module), events) == straight(tmp_path)


def test_without_a_whole_checkpoint_training_starts_at_step_0(tmp_path: Path) -> None:
    interrupted(tmp_path / "broken", 7)
    for path in (tmp_path / "broken").glob("*/step-*/state.json"):
        path.write_text("{}")
    module = network()
    events = train(job(tmp_path / "broken", module))
    assert (weights(module), events) == straight(tmp_path)


def test_a_checkpoint_of_another_key_is_never_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    interrupted(tmp_path / "broken", 11)
    module = network()
    train(job(tmp_path / "broken", module, key="another run", params=TRAINING.model_copy(update={"lr": 1e-3})))
    fresh = network()
    train(job(tmp_path / "alone", fresh, key="another run", params=TRAINING.model_copy(update={"lr": 1e-3})))
    assert weights(module) == weights(fresh)
    capsys.readouterr()
    # Even if its folder replaces the other's.
    (folder,) = [p.parent for p in (tmp_path / "broken").glob("*/step-00000005")]
    found = load_checkpoint(folder, KEY)
    assert found is not None
    assert found.step == 10
    assert load_checkpoint(folder, "the digest of another run") is None
    said = capsys.readouterr().err
    assert said.count("its run has the key a run, this run has the digest o\n") == 2
    assert f"skipping checkpoint {folder / 'step-00000010'}: " in said


def test_the_record_of_a_checkpoint_is_verified_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    interrupted(tmp_path, 7)
    path = next(tmp_path.glob("*/step-00000005/state.json"))
    written = json.loads(path.read_text())["record"]
    path.write_text(path.read_text().replace('"step": 5', '"step": 6'))
    assert load_checkpoint(path.parents[1], KEY) is None
    said = capsys.readouterr().err
    assert "state.json has the digest " in said
    assert f" instead of {written[:12]}\n" in said


def test_a_training_that_finds_only_checkpoints_of_other_params_says_so_and_starts_at_step_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted(tmp_path, 7)
    (old,) = tmp_path.iterdir()
    assert "starts at step 0" not in capsys.readouterr().err
    train(job(tmp_path, network(), key="0123456789abcdef"))
    said = (
        f"test: starts at step 0, since params, data or code have changed: {old / 'step-00000005'} has the key a run,"
        " this run has 0123456789ab; that checkpoint is kept\n"
    )
    assert said in capsys.readouterr().err
    assert (old / "step-00000005" / "model.safetensors").is_file()
    # Neither a run with its own checkpoints says so, nor one with only those of other trainings beside it.
    train(job(tmp_path, network()))
    train(dataclasses.replace(job(tmp_path, network(), key="a third"), name="another seed"))
    assert "starts at step 0" not in capsys.readouterr().err


def test_an_incomplete_checkpoint_is_ignored(tmp_path: Path) -> None:
    interrupted(tmp_path / "broken", 7)
    (folder,) = [p.parent for p in (tmp_path / "broken").glob("*/step-00000005")]
    (folder / ".step-00000010.part").mkdir()
    (folder / ".step-00000010.part" / "model.safetensors").write_bytes(b"half")
    module = network()
    events = train(job(tmp_path / "broken", module))
    assert (weights(module), events) == straight(tmp_path)


# Which checkpoints are kept.


@pytest.mark.parametrize(("keep", "left"), [(1, [12]), (2, [10, 12]), (3, [8, 10, 12]), (9, [2, 4, 6, 8, 10, 12])])
def test_the_newest_checkpoints_are_kept(tmp_path: Path, keep: int, left: list[int]) -> None:
    train(job(tmp_path, network(), checkpoints=CheckpointParams(every=2, seconds=0, keep=keep, log_every=5)))
    assert steps_kept(tmp_path) == left
    assert not list(tmp_path.glob("*/.*"))


@pytest.mark.parametrize(
    ("keep", "left"),
    [(1, [[5], [6], [8], [10], [11], [12]]), (2, [[5], [5, 6], [5, 8], [5, 10], [10, 11], [10, 12]])],
)
def test_checkpoints_between_two_intervals_do_not_push_out_one_at_an_interval(
    tmp_path: Path, keep: int, left: list[list[int]]
) -> None:
    module = network()
    optimizer = torch.optim.AdamW(module.parameters())
    kept = []
    for step in (5, 6, 8, 10, 11, 12):
        state = State(step, dict(module.named_parameters()), {}, optimizer, [])
        save_checkpoint(tmp_path / "a", Identity(KEY), state, keep, 5, "test")
        kept.append(steps_kept(tmp_path))
    assert kept == left


def test_a_checkpoint_saved_after_a_damaged_newer_one_is_kept(tmp_path: Path) -> None:
    checkpoints = CheckpointParams(every=5, seconds=0, keep=2, log_every=3)
    module = network()
    with pytest.raises(KeyboardInterrupt):
        train(job(tmp_path, module, stopped_at(11, module), checkpoints=checkpoints))
    next(tmp_path.glob("*/step-00000010/model.safetensors")).unlink()
    module = network()
    often = CheckpointParams(every=1, seconds=0, keep=1, log_every=3)
    with pytest.raises(KeyboardInterrupt):
        train(job(tmp_path, module, stopped_at(7, module), checkpoints=often))
    assert steps_kept(tmp_path) == [7]


# The optimizer's state.


def test_the_optimizer_is_restored_exactly(tmp_path: Path) -> None:
    module = network()
    trained = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2)
    for step in range(3):
        optimizer.zero_grad()
        loss_of(module)(step).backward()
        optimizer.step()
    events, sums, scaler = [{"step": 3, "loss": 0.1}], {"part": (0.1 + 0.2, 3)}, {"scale": 1024.0}
    saved = State(3, dict(module.named_parameters()), {}, optimizer, events, sums, scaler)
    path = save_checkpoint(tmp_path, Identity(KEY), saved, 1, 1, "test")
    found = load_checkpoint(tmp_path, KEY)
    assert found is not None
    fresh = torch.optim.AdamW([nn.Parameter(p.detach().clone()) for p in trained], lr=1e-2)
    restore_optimizer(fresh, found.optimizer)
    assert (found.sums, found.scaler) == (sums, scaler)
    for index, state in optimizer.state_dict()["state"].items():
        other = fresh.state_dict()["state"][index]
        assert set(state) == set(other) == {"step", "exp_avg", "exp_avg_sq"}
        for name, value in state.items():
            assert torch.equal(value, other[name]), name
            assert value.dtype == other[name].dtype
    assert [json.loads(line) for line in (path / "events.jsonl").read_text().splitlines()] == events
