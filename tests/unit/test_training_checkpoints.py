"""Checkpoints: nothing is resumed that should not be, the newest are kept, and all comes back to the bit."""

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
from tgvac.training.checkpoint import State, load_checkpoint, restore_optimizer, save_checkpoint
from tgvac.training.loop import train
from tgvac.training.run_params import CheckpointParams

# What is not resumed.


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["cut", "gone", "changed"])
def test_a_damaged_newest_checkpoint_is_passed_over_for_the_one_before(
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
    told = capsys.readouterr().err
    assert "step-00000010 is passed over" in told
    if name != "state.json":
        assert {
            "cut": f"{name} was written with {len(data)} bytes and has {middle}\n",
            "gone": f"{name}, written with {len(data)} bytes, is missing\n",
            "changed": f"{name} was written as {was} and is {now} now\n",
        }[harm] in told
    assert "going on from step 5" in told
    assert (weights(module), events) == straight(tmp_path)


def test_with_no_whole_checkpoint_training_begins_anew(tmp_path: Path) -> None:
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
    # Even where its folder is put in the place of the other's.
    (folder,) = [p.parent for p in (tmp_path / "broken").glob("*/step-00000005")]
    found = load_checkpoint(folder, KEY)
    assert found is not None
    assert found.step == 10
    assert load_checkpoint(folder, "the digest of another run") is None
    told = capsys.readouterr().err
    assert told.count("it belongs to another run, a run, and the digest o is wanted\n") == 2
    assert f"{folder / 'step-00000010'} is passed over" in told


def test_what_else_a_checkpoint_says_is_verified_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    interrupted(tmp_path, 7)
    path = next(tmp_path.glob("*/step-00000005/state.json"))
    written = json.loads(path.read_text())["record"]
    path.write_text(path.read_text().replace('"step": 5', '"step": 6'))
    assert load_checkpoint(path.parents[1], KEY) is None
    assert f"state.json was written as {written[:12]} and is " in capsys.readouterr().err


def test_a_training_that_finds_only_states_of_other_params_says_so_and_begins_from_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted(tmp_path, 7)
    (old,) = tmp_path.iterdir()
    assert "begins from nothing" not in capsys.readouterr().err
    train(job(tmp_path, network(), key="0123456789abcdef"))
    said = (
        f"test: begins from nothing, since params, data or code differ: {old / 'step-00000005'} is of a run, and"
        " 0123456789ab is wanted; it is left as it is\n"
    )
    assert said in capsys.readouterr().err
    assert (old / "step-00000005" / "model.safetensors").is_file()
    # Neither one that has its own, nor one beside which only other trainings have theirs.
    train(job(tmp_path, network()))
    train(dataclasses.replace(job(tmp_path, network(), key="a third"), name="another seed"))
    assert "begins from nothing" not in capsys.readouterr().err


def test_a_half_written_checkpoint_is_neither_read_nor_in_the_way(tmp_path: Path) -> None:
    interrupted(tmp_path / "broken", 7)
    (folder,) = [p.parent for p in (tmp_path / "broken").glob("*/step-00000005")]
    (folder / ".step-00000010.part").mkdir()
    (folder / ".step-00000010.part" / "model.safetensors").write_bytes(b"half")
    module = network()
    events = train(job(tmp_path / "broken", module))
    assert (weights(module), events) == straight(tmp_path)


# Keeping.


@pytest.mark.parametrize(("keep", "left"), [(1, [12]), (2, [10, 12]), (3, [8, 10, 12]), (9, [2, 4, 6, 8, 10, 12])])
def test_the_newest_checkpoints_are_kept(tmp_path: Path, keep: int, left: list[int]) -> None:
    train(job(tmp_path, network(), checkpoints=CheckpointParams(every=2, seconds=0, keep=keep, log_every=5)))
    assert steps_kept(tmp_path) == left
    assert not list(tmp_path.glob("*/.*"))


@pytest.mark.parametrize(
    ("keep", "left"),
    [(1, [[5], [6], [8], [10], [11], [12]]), (2, [[5], [5, 6], [5, 8], [5, 10], [10, 11], [10, 12]])],
)
def test_checkpoints_between_two_intervals_push_out_none_that_lies_at_one(
    tmp_path: Path, keep: int, left: list[list[int]]
) -> None:
    module = network()
    optimizer = torch.optim.AdamW(module.parameters())
    kept = []
    for step in (5, 6, 8, 10, 11, 12):
        state = State(step, dict(module.named_parameters()), {}, optimizer, [])
        save_checkpoint(tmp_path / "a", KEY, state, keep, 5, "test")
        kept.append(steps_kept(tmp_path))
    assert kept == left


def test_what_is_saved_after_a_damaged_newer_checkpoint_is_not_thrown_away_for_it(tmp_path: Path) -> None:
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


def test_the_optimizer_is_restored_to_the_bit(tmp_path: Path) -> None:
    module = network()
    trained = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2)
    for step in range(3):
        optimizer.zero_grad()
        loss_of(module)(step).backward()
        optimizer.step()
    events, sums, scaler = [{"step": 3, "loss": 0.1}], {"part": (0.1 + 0.2, 3)}, {"scale": 1024.0}
    saved = State(3, dict(module.named_parameters()), {}, optimizer, events, sums, scaler)
    path = save_checkpoint(tmp_path, KEY, saved, 1, 1, "test")
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
