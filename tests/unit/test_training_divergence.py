"""Trainings that diverge: when they are stopped, and which checkpoint is named as the last good one."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.unit.loop_jobs import job, loss_of, network, steps_kept
from tests.unit.tiny_models import TRAINING
from tgvac.errors import BadInput
from tgvac.training.divergence import SKIPPED, calmer, diverged, has_diverged, lowest_at
from tgvac.training.execution import Execution
from tgvac.training.loop import Training, train
from tgvac.training.run_params import CheckpointParams

LONG = TRAINING.model_copy(update={"steps": 400, "diverged": 10.0})


def growing(folder: Path, keep: int, factor: float) -> Training:
    """A training whose loss is 1 up to step 22, and then grows by a factor at each step."""
    module = network()

    def loss(step: int) -> torch.Tensor:
        return 0 * loss_of(module)(step) + factor ** max(step - 21, 0)

    return job(folder, module, loss, params=LONG, checkpoints=often(keep))


def often(keep: int) -> CheckpointParams:
    return CheckpointParams(every=5, seconds=0, keep=keep, log_every=1)


def refused(wanted: Training) -> str:
    with pytest.raises(BadInput) as error:
        train(wanted)
    return str(error.value)


def test_divergence_compares_means() -> None:
    calm = [{"loss": 1.0}] * 30
    assert not has_diverged(calm, 10.0)
    assert not has_diverged([*calm, {"loss": 80.0}], 10.0), "one loss among ten is not enough"
    assert has_diverged([*calm, *[{"loss": 20.0}] * 10], 10.0)
    assert not has_diverged([*calm, *[{"loss": 20.0}] * 10], 0.0)
    assert not has_diverged([{"loss": 1.0}] * 10, 0.5), "too few to compare"


def test_of_equal_lowest_means_the_last_step_of_the_latest_counts() -> None:
    losses = [3.0] * 10 + [1.0] * 20 + [2.0] * 10
    assert lowest_at([{"step": 5.0 * i, "loss": loss} for i, loss in enumerate(losses, 1)]) == 150


@pytest.mark.parametrize("factor", [1000.0, 1.1])
def test_a_divergence_names_the_newest_checkpoint_up_to_the_lowest_mean_loss(tmp_path: Path, factor: float) -> None:
    said = refused(growing(tmp_path, 99, factor))
    assert "the loss has grown to more than 10 times its lowest; the last good checkpoint is " in said
    advice = "lower the learning rate (test.lr 0.01) or lengthen the warm-up (test.warmup 3)"
    assert said.endswith(f"step-00000020, kept for inspection; {advice} (a run with other params starts from step 0).")
    assert steps_kept(tmp_path)[-1] >= 20


def test_the_advice_names_keys_and_values() -> None:
    params = LONG.model_copy(update={"lr": 1e6, "warmup": 0})
    advice = "lower the learning rate (frame.lr 1e+06) or lengthen the warm-up (frame.warmup 0)"
    assert calmer("frame full seed 0", params) == advice
    assert calmer("backbones vae", params) == "lower the learning rate (backbones.lr 1e+06)", "it has no other key"


def test_a_divergence_too_slow_for_the_kept_checkpoints_says_so_of_the_oldest(tmp_path: Path) -> None:
    said = refused(growing(tmp_path, 2, 1.1))
    oldest = steps_kept(tmp_path)[0]
    assert oldest > 22
    assert f"step-{oldest:08d}, kept for inspection, but it may have begun to diverge, since the mean loss" in said
    assert "was lowest at step 22; lower" in said
    assert "the last good checkpoint" not in said


def test_a_damaged_checkpoint_or_one_that_is_not_finite_is_not_called_good(tmp_path: Path) -> None:
    module = network()
    damaged = False

    def loss(step: int) -> torch.Tensor:
        nonlocal damaged
        if step == 17 and not damaged:
            next(tmp_path.glob("*/step-00000015/model.safetensors")).write_bytes(b"cut")
            damaged = True
        if step == 9:  # as after a step of the optimizer; it is saved before the next loss shows it
            with torch.no_grad():
                module[2].bias.fill_(math.inf)
        if step == 10:
            with torch.no_grad():
                module[2].bias.fill_(0.0)
        return loss_of(network())(step) + (math.nan if step == 17 else 0.0) + 0 * module[0].weight.sum()

    said = refused(job(tmp_path, module, loss, params=LONG, checkpoints=often(9)))
    assert steps_kept(tmp_path) == [5, 10, 15]
    assert "at step 18; the last good checkpoint is " in said
    assert "step-00000005, kept for inspection; lower" in said
    for path in tmp_path.glob("*/step-*/ema.safetensors"):
        path.unlink()
    damaged = True
    assert "are damaged; lower" in diverged(job(tmp_path, module), "it ended").args[0]


def scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scale losses on a CPU, too, as in float16 on a GPU."""
    plain = Execution.accelerator

    def accelerator(execution: Execution) -> object:
        made = plain(execution)
        made.scaler = torch.amp.GradScaler("cpu")
        return made

    monkeypatch.setattr(Execution, "accelerator", accelerator)


def without_slope(module: nn.Module, finite: int) -> Callable[[int], torch.Tensor]:
    """A finite loss, whose gradient is finite only at multiples of ``finite``."""

    def loss(step: int) -> torch.Tensor:
        plain = loss_of(module)(step)
        if step % finite == 0:
            return plain
        return plain + (module[2].bias - module[2].bias.detach()).abs().sum().sqrt()

    return loss


def test_steps_that_are_always_skipped_end_a_training_in_float16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaled(monkeypatch)
    module = network()
    said = refused(job(tmp_path, module, without_slope(module, 1000), params=LONG, checkpoints=often(2)))
    assert f"test: {SKIPPED} steps in a row were skipped up to step {SKIPPED + 1}, since the loss's gradient" in said
    assert "step-00000100, kept for inspection; use precision bfloat16 or float32 (a run with" in said


def test_steps_that_are_skipped_at_times_end_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scaled(monkeypatch)
    module = network()
    few = LONG.model_copy(update={"steps": SKIPPED + 20, "diverged": 0.0})
    # Most are skipped, but never so many in a row.
    events = train(job(tmp_path, module, without_slope(module, SKIPPED // 2), params=few, checkpoints=often(2)))
    assert sum(not math.isfinite(event["grad_norm"]) for event in events) > SKIPPED
