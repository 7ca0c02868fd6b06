"""A training is saved by the clock, too, which does not change its result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.unit.loop_jobs import job, loss_of, network, steps_kept, straight, weights
from tests.unit.tiny_models import CHECKPOINTS
from tgvac.training.loop import train
from tgvac.training.run_params import CheckpointParams


class Clock:
    """Seconds that pass with the steps of a training."""

    def __init__(self, a_step: float) -> None:
        self.now, self._a_step = 1000.0, a_step

    def __call__(self) -> float:
        return self.now

    def loss(self, module: torch.nn.Module) -> Callable[[int], torch.Tensor]:
        def loss(step: int) -> torch.Tensor:
            self.now += self._a_step
            return loss_of(module)(step)

        return loss


@pytest.mark.parametrize(
    ("seconds", "a_step", "every", "saved"),
    [
        (300.0, 100.0, 1000, [3, 6, 9, 12]),
        (300.0, 1000.0, 1000, list(range(1, 13))),
        (300.0, 1.0, 1000, [12]),
        (0.0, 1000.0, 1000, [12]),
        (300.0, 100.0, 5, [3, 5, 8, 10, 12]),  # seconds count from whichever was last
    ],
)
def test_a_slow_training_is_saved_every_so_many_seconds(
    tmp_path: Path, seconds: float, a_step: float, every: int, saved: list[int]
) -> None:
    clock, module = Clock(a_step), network()
    checkpoints = CheckpointParams(every=every, seconds=seconds, keep=99, log_every=CHECKPOINTS.log_every)
    events = train(job(tmp_path / "slow", module, clock.loss(module), checkpoints=checkpoints), clock)
    assert steps_kept(tmp_path / "slow") == saved
    assert (weights(module), events) == straight(tmp_path)


def test_a_training_resumes_to_the_same_bits_from_what_the_clock_saved(tmp_path: Path) -> None:
    clock, module = Clock(100.0), network()
    slow = CHECKPOINTS.model_copy(update={"every": 1000, "seconds": 300.0})
    passing = clock.loss(module)

    def killed(step: int) -> torch.Tensor:
        if step == 8:
            raise KeyboardInterrupt
        return passing(step)

    with pytest.raises(KeyboardInterrupt):
        train(job(tmp_path / "run", module, killed, checkpoints=slow), clock)
    assert steps_kept(tmp_path / "run")[-1] == 6
    again = network()
    events = train(job(tmp_path / "run", again, checkpoints=CHECKPOINTS))
    assert (weights(again), events) == straight(tmp_path)
