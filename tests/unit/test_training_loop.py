"""The training loop: its formulas, and the same bits however often it is interrupted."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.unit.loop_jobs import interrupted, job, loss_of, network, steps_kept, stopped_at, straight, weights
from tests.unit.tiny_models import CHECKPOINTS, TRAINING
from tgvac.errors import BadInput
from tgvac.training.interruption import INTERRUPTED
from tgvac.training.loop import learning_rate, train
from tgvac.training.params import TrainingParams
from tgvac.training.run_params import CheckpointParams

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
    """The same training in a few plain lines: averaged weights and one event per step."""
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


def test_the_last_step_is_logged_and_saved_even_between_intervals(tmp_path: Path) -> None:
    events = train(job(tmp_path, network(), checkpoints=CheckpointParams(every=7, seconds=0, keep=5, log_every=5)))
    assert [e["step"] for e in events] == [5, 10, 12]
    assert steps_kept(tmp_path) == [7, 12]


# Resuming.


@pytest.mark.parametrize("step", [1, 5, 7, 11])
def test_a_run_that_was_interrupted_ends_with_the_same_bits_and_events(tmp_path: Path, step: int) -> None:
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
    # SIGTERM in the middle: saved at this step, and the exit code says so.
    process = start(folder)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED == 75, errors
    newest = steps_kept(folder)[-1]
    assert f"at step {newest}; saved" in errors
    # SIGKILL at a random moment of the rest.
    delay = random.SystemRandom().uniform(0, 0.25)
    process = start(folder)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, f"delay {delay}: {errors}"
    assert f"resuming from step {newest}" in errors
    steps_before = steps_kept(folder)[-1]
    assert newest < steps_before < LONG.steps
    # To the end.
    module, other = network(), network()
    events = train(job(folder, module, params=LONG))
    assert f"resuming from step {steps_before}" in capsys.readouterr().err
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


# Values that are not finite.


@pytest.mark.parametrize(("wrong", "saved"), [(2, False), (7, True)])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_with_step_and_last_checkpoint(
    tmp_path: Path, wrong: int, saved: bool, value: float
) -> None:
    module = network()

    def loss(step: int) -> torch.Tensor:
        return loss_of(module)(step) + (value if step == wrong else 0.0)

    with pytest.raises(BadInput) as error:
        train(job(tmp_path, module, loss))
    assert f"at step {wrong + 1};" in str(error.value)
    assert ("step-00000005" if saved else "no checkpoint was saved") in str(error.value)
    assert steps_kept(tmp_path) == ([5] if saved else [])


def test_a_gradient_that_is_not_finite_stops_before_it_reaches_the_weights(tmp_path: Path) -> None:
    module = network()
    before = weights(module)

    def loss(step: int) -> torch.Tensor:
        return (module[2].bias - module[2].bias.detach()).abs().sum().sqrt()  # 0, with an infinite slope

    with pytest.raises(BadInput, match="at step 1;"):
        train(job(tmp_path, module, loss))
    assert weights(module) == before


# Watching a training.


def test_watching_shows_the_averaged_weights_and_changes_no_bit(tmp_path: Path) -> None:
    module, seen = network(), {}

    def watch(step: int, folder: Path) -> None:
        assert not module.training
        seen[step] = (weights(module), folder)

    watched = dataclasses.replace(job(tmp_path / "watched", module), watch=watch, watch_every=5)
    events = train(watched)
    assert (weights(module), events) == straight(tmp_path)
    assert list(seen) == [5, 10, TRAINING.steps]
    assert seen[TRAINING.steps][0] == weights(module)
    assert {folder for _, folder in seen.values()} == {watched.pictures}


def test_pictures_made_before_an_interruption_are_not_made_again(tmp_path: Path) -> None:
    seen: list[int] = []
    for stop in (7, None):
        module = network()
        loss = loss_of(module) if stop is None else stopped_at(stop, module)
        watched = dataclasses.replace(
            job(tmp_path, module, loss), watch=lambda step, folder: seen.append(step), watch_every=5
        )
        with pytest.raises(KeyboardInterrupt) if stop else contextlib.nullcontext():
            train(watched)
    assert seen == [5, 10, TRAINING.steps]
