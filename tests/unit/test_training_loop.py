"""The training loop: the same bits however often it is stopped, and nothing resumed that should not be."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.unit.tiny_models import CHECKPOINTS, TRAINING, randn
from tgvac.errors import BadInput
from tgvac.training.checkpoint import load_checkpoint, restore_optimizer, save_checkpoint
from tgvac.training.loop import INTERRUPTED, Job, learning_rate, train
from tgvac.training.params import CheckpointParams, TrainingParams

KEY = "a run"
FILES = ("state.json", "model.safetensors", "ema.safetensors", "optimizer.safetensors", "events.jsonl")


def network() -> nn.Module:
    """Weights that don't depend on the global generator, one of them frozen."""
    module = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))
    with torch.no_grad():
        for i, parameter in enumerate(module.parameters()):
            parameter.copy_(0.3 * randn(*parameter.shape, seed=i))
    module[0].bias.requires_grad_(False)
    return module


def loss_of(module: nn.Module) -> Callable[[int], torch.Tensor]:
    return lambda step: (module(randn(5, 6, seed=step)) - randn(5, 2, seed=step + 1000)).square().mean()


def job(
    folder: Path,
    module: nn.Module,
    loss: Callable[[int], torch.Tensor] | None = None,
    key: str = KEY,
    params: TrainingParams = TRAINING,
    checkpoints: CheckpointParams = CHECKPOINTS,
) -> Job:
    return Job("test", module, loss or loss_of(module), params, checkpoints, key, folder)


def stopped_at(step: int, module: nn.Module) -> Callable[[int], torch.Tensor]:
    """A loss that breaks off before a step, as a killed process does."""

    def loss(now: int) -> torch.Tensor:
        if now == step:
            raise KeyboardInterrupt
        return loss_of(module)(now)

    return loss


def weights(module: nn.Module) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in module.state_dict().items()}


def straight(tmp_path: Path) -> tuple[dict[str, bytes], list[dict[str, float]]]:
    """A run that nothing interrupted."""
    module = network()
    events = train(job(tmp_path / "straight", module))
    return weights(module), events


def steps_kept(folder: Path) -> list[int]:
    return sorted(int(p.name.removeprefix("step-")) for p in folder.glob("*/step-*"))


def interrupted(folder: Path, step: int) -> None:
    module = network()
    with pytest.raises(KeyboardInterrupt):
        train(job(folder, module, stopped_at(step, module)))


# Formulas.


def test_the_learning_rate_warms_up_and_falls_as_a_cosine() -> None:
    params = TRAINING.model_copy(update={"lr": 1.0, "steps": 12, "warmup": 4})
    golden = [0.25, 0.5, 0.75, 1.0, 1.0, 0.9619398, 0.8535534, 0.6913417, 0.5, 0.3086583, 0.1464466, 0.0380602]
    assert [learning_rate(params, step) for step in range(12)] == pytest.approx(golden, abs=1e-7)


def test_a_constant_learning_rate_stays_after_its_warm_up() -> None:
    params = TRAINING.model_copy(update={"lr": 5e-4, "lr_schedule": "constant", "warmup": 2})
    assert [learning_rate(params, step) for step in (0, 1, 2, 11)] == [2.5e-4, 5e-4, 5e-4, 5e-4]
    assert learning_rate(params.model_copy(update={"warmup": 0}), 0) == 5e-4


def by_hand(params: TrainingParams) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    """The same training in a dozen plain lines: averaged weights and an event a step."""
    module = network()
    trained = {n: p for n, p in module.named_parameters() if n != "0.bias"}
    average = {n: p.detach().double() for n, p in trained.items()}
    optimizer = torch.optim.AdamW(trained.values(), betas=(params.beta1, params.beta2), weight_decay=1e-2)
    events = []
    for step in range(params.steps):
        if step < params.warmup:
            lr = params.lr * (step + 1) / params.warmup
        else:
            lr = params.lr * (1 + math.cos(math.pi * (step - params.warmup) / (params.steps - params.warmup))) / 2
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        loss = loss_of(module)(step)
        loss.backward()
        gradients = [p.grad for p in trained.values()]
        norm = math.sqrt(sum(float(g.square().sum()) for g in gradients if g is not None))
        for gradient in gradients:
            if gradient is not None and norm > params.clip_norm:
                gradient.mul_(params.clip_norm / norm)
        optimizer.step()
        decay = min(params.ema, (1 + step) / (10 + step))
        average = {n: decay * average[n] + (1 - decay) * trained[n].detach().double() for n in trained}
        events.append({"step": step + 1, "loss": float(loss.detach()), "lr": lr, "grad_norm": norm})
    return average, events


@pytest.mark.parametrize(("ema", "clip_norm"), [(0.9, 0.05), (0.3, 100.0), (0.0, 1.0)])
def test_training_is_adamw_with_clipping_and_a_moving_average(tmp_path: Path, ema: float, clip_norm: float) -> None:
    params = TRAINING.model_copy(update={"ema": ema, "clip_norm": clip_norm})
    module = network()
    frozen = weights(module)["0.bias"]
    events = train(job(tmp_path, module, params=params))
    average, expected = by_hand(params)
    for name, value in average.items():
        torch.testing.assert_close(module.state_dict()[name].double(), value, rtol=0, atol=1e-5)
    assert weights(module)["0.bias"] == frozen
    assert not module.training
    expected = [e for e in expected if e["step"] % CHECKPOINTS.log_every == 0]
    assert [e["step"] for e in events] == [3, 6, 9, 12]
    for ours, theirs in zip(events, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_the_last_step_is_logged_and_saved_though_no_interval_ends_there(tmp_path: Path) -> None:
    events = train(job(tmp_path, network(), checkpoints=CheckpointParams(every=7, keep=5, log_every=5)))
    assert [e["step"] for e in events] == [5, 10, 12]
    assert steps_kept(tmp_path) == [7, 12]


# Going on.


@pytest.mark.parametrize("step", [1, 5, 7, 11])
def test_a_run_that_was_broken_off_ends_with_the_same_bits_and_events(tmp_path: Path, step: int) -> None:
    interrupted(tmp_path / "broken", step)
    module = network()
    events = train(job(tmp_path / "broken", module))
    assert (weights(module), events) == straight(tmp_path)


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    done = straight(tmp_path)
    module = network()
    assert train(job(tmp_path / "straight", module, stopped_at(0, module))) == done[1]
    assert weights(module) == done[0]


LONG = TRAINING.model_copy(update={"steps": 200})
SCRIPT = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.unit import test_training_loop as t
module = t.network()
plain = t.loss_of(module)
def loss(step):
    time.sleep(0.02)
    return plain(step)
t.train(t.job(Path(sys.argv[2]), module, loss, params=t.LONG))
"""


def start(folder: Path) -> subprocess.Popen[str]:
    """The long run in a process of its own, once it has saved something new."""
    before = set(folder.glob("*/step-*"))
    root = str(Path(__file__).resolve().parents[2])
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, root, str(folder)], stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 90
    while process.poll() is None and not set(folder.glob("*/step-*")) - before:
        assert time.monotonic() < limit, "nothing was saved"
        time.sleep(0.005)
    return process


def test_a_run_that_is_terminated_saves_and_one_that_is_killed_resumes_to_the_same_bits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    # SIGTERM in the middle: saved at the very step, and told by the exit code.
    process = start(folder)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED == 75, errors
    newest = steps_kept(folder)[-1]
    assert f"at step {newest}; saved" in errors
    # SIGKILL at a random moment of what is left.
    delay = random.SystemRandom().uniform(0, 0.25)
    process = start(folder)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, f"delay {delay}: {errors}"
    assert f"going on from step {newest}" in errors
    steps_before = steps_kept(folder)[-1]
    assert newest < steps_before < LONG.steps
    # To the end.
    module, other = network(), network()
    events = train(job(folder, module, params=LONG))
    assert f"going on from step {steps_before}" in capsys.readouterr().err
    assert events == train(job(tmp_path / "straight", other, params=LONG)), f"after a kill with delay {delay}"
    assert weights(module) == weights(other), f"after a kill with delay {delay}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_lets_the_step_end_and_handlers_come_back(tmp_path: Path, number: signal.Signals) -> None:
    module = network()

    def loss(step: int) -> torch.Tensor:
        if step == 6:
            os.kill(os.getpid(), number)
        return loss_of(module)(step)

    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as left:
        train(job(tmp_path / "broken", module, loss))
    assert left.value.code == INTERRUPTED
    assert signal.getsignal(number) is before
    assert steps_kept(tmp_path / "broken") == [5, 7]
    again = network()
    events = train(job(tmp_path / "broken", again))
    assert (weights(again), events) == straight(tmp_path)


# What is not resumed.


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["cut", "gone", "changed"])
def test_a_damaged_newest_checkpoint_is_passed_over_for_the_one_before(
    tmp_path: Path, name: str, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupted(tmp_path / "broken", 11)  # saved at 5 and 10
    path = next((tmp_path / "broken").glob("*/step-00000010")) / name
    data = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        middle = len(data) // 2
        path.write_bytes(data[:middle] if harm == "cut" else data[:middle] + b"\xff" + data[middle + 1 :])
    module = network()
    events = train(job(tmp_path / "broken", module))
    told = capsys.readouterr().err
    assert "step-00000010 is passed over" in told
    assert "going on from step 5" in told
    assert (weights(module), events) == straight(tmp_path)


def test_with_no_whole_checkpoint_training_begins_anew(tmp_path: Path) -> None:
    interrupted(tmp_path / "broken", 7)
    for path in (tmp_path / "broken").glob("*/step-*/state.json"):
        path.write_text("{}")
    module = network()
    events = train(job(tmp_path / "broken", module))
    assert (weights(module), events) == straight(tmp_path)


def test_a_checkpoint_of_another_key_is_never_resumed(tmp_path: Path) -> None:
    interrupted(tmp_path / "broken", 11)
    module = network()
    train(job(tmp_path / "broken", module, key="another run", params=TRAINING.model_copy(update={"lr": 1e-3})))
    fresh = network()
    train(job(tmp_path / "alone", fresh, key="another run", params=TRAINING.model_copy(update={"lr": 1e-3})))
    assert weights(module) == weights(fresh)
    # Even where its folder is put in the place of the other's.
    (folder,) = [p.parent for p in (tmp_path / "broken").glob("*/step-00000005")]
    found = load_checkpoint(folder, KEY)
    assert found is not None
    assert found[0] == 10
    assert load_checkpoint(folder, "another run") is None


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
    train(job(tmp_path, network(), checkpoints=CheckpointParams(every=2, keep=keep, log_every=5)))
    assert steps_kept(tmp_path) == left
    assert not list(tmp_path.glob("*/.*"))


def test_what_is_saved_after_a_damaged_newer_checkpoint_is_not_thrown_away_for_it(tmp_path: Path) -> None:
    checkpoints = CheckpointParams(every=5, keep=2, log_every=3)
    module = network()
    with pytest.raises(KeyboardInterrupt):
        train(job(tmp_path, module, stopped_at(11, module), checkpoints=checkpoints))
    next(tmp_path.glob("*/step-00000010/model.safetensors")).unlink()
    module = network()
    often = CheckpointParams(every=1, keep=1, log_every=3)
    with pytest.raises(KeyboardInterrupt):
        train(job(tmp_path, module, stopped_at(7, module), checkpoints=often))
    assert steps_kept(tmp_path) == [7]


# Numbers that are none.


@pytest.mark.parametrize(("wrong", "saved"), [(2, False), (7, True)])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_with_step_and_last_checkpoint(
    tmp_path: Path, wrong: int, saved: bool, value: float
) -> None:
    module = network()

    def loss(step: int) -> torch.Tensor:
        return loss_of(module)(step) + (value if step == wrong else 0.0)

    with pytest.raises(BadInput) as error:
        train(job(tmp_path, module, loss))
    assert f"at step {wrong + 1};" in str(error.value)
    assert ("step-00000005" if saved else "no checkpoint had been saved") in str(error.value)
    assert steps_kept(tmp_path) == ([5] if saved else [])


def test_a_gradient_that_is_no_number_stops_before_it_reaches_the_weights(tmp_path: Path) -> None:
    module = network()
    before = weights(module)

    def loss(step: int) -> torch.Tensor:
        return (module[2].bias - module[2].bias.detach()).abs().sum().sqrt()  # 0, with an infinite slope

    with pytest.raises(BadInput, match="at step 1;"):
        train(job(tmp_path, module, loss))
    assert weights(module) == before


# The optimizer's state.


def test_the_optimizer_is_restored_to_the_bit(tmp_path: Path) -> None:
    module = network()
    trained = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-2)
    for step in range(3):
        optimizer.zero_grad()
        loss_of(module)(step).backward()
        optimizer.step()
    events = [{"step": 3, "loss": 0.1}]
    path = save_checkpoint(tmp_path, 3, KEY, dict(module.named_parameters()), {}, optimizer, events, 1)
    found = load_checkpoint(tmp_path, KEY)
    assert found is not None
    fresh = torch.optim.AdamW([nn.Parameter(p.detach().clone()) for p in trained], lr=1e-2)
    restore_optimizer(fresh, found[1]["optimizer"])
    for index, state in optimizer.state_dict()["state"].items():
        other = fresh.state_dict()["state"][index]
        assert set(state) == set(other) == {"step", "exp_avg", "exp_avg_sq"}
        for name, value in state.items():
            assert torch.equal(value, other[name]), name
            assert value.dtype == other[name].dtype
    assert [json.loads(line) for line in (path / "events.jsonl").read_text().splitlines()] == events


# Looking at a training.


def test_looking_shows_the_averaged_weights_and_changes_no_bit(tmp_path: Path) -> None:
    module, seen = network(), {}

    def look(step: int, folder: Path) -> None:
        assert not module.training
        seen[step] = (weights(module), folder)

    watched = dataclasses.replace(job(tmp_path / "watched", module), look=look, look_every=5)
    events = train(watched)
    assert (weights(module), events) == straight(tmp_path)
    assert list(seen) == [5, 10, TRAINING.steps]
    assert seen[TRAINING.steps][0] == weights(module)
    assert {folder for _, folder in seen.values()} == {watched.pictures}


def test_what_was_seen_before_an_interruption_is_not_looked_at_again(tmp_path: Path) -> None:
    seen: list[int] = []
    for stop in (7, None):
        module = network()
        loss = loss_of(module) if stop is None else stopped_at(stop, module)
        watched = dataclasses.replace(
            job(tmp_path, module, loss), look=lambda step, folder: seen.append(step), look_every=5
        )
        with pytest.raises(KeyboardInterrupt) if stop else contextlib.nullcontext():
            train(watched)
    assert seen == [5, 10, TRAINING.steps]
