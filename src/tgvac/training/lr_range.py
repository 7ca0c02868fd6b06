"""The learning-rate range test (Smith 2017, section 3.3): a short training whose learning rate rises at each step.

The loss of a step is too noisy, since each step has other noise levels, whose losses differ tenfold. So a probe is
measured, too: the loss on fixed samples with fixed noise at fixed levels. No step trains on these samples; their clips
are of the train split, so steps may train on them with other noise. The best rate is near where the probe falls
fastest; where the probe rises again, the rate is too high.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tgvac.training.divergence import Diverged
from tgvac.training.loop import StepLoss, Training, train
from tgvac.training.run_params import CheckpointParams

TOO_MUCH = 4.0
"""The test ends when the probe exceeds this many times its lowest value: later steps say nothing more."""


@dataclass(frozen=True)
class RangeTest:
    """The settings of a test.

    Attributes:
        lowest: the learning rate of the first step.
        highest: the learning rate of the last step.
        steps: number of steps; the rate grows by equal factors.
        probe: number of samples of the probe.
        every: steps between two measurements of the probe.
    """

    lowest: float
    highest: float
    steps: int
    probe: int
    every: int

    def rate(self, step: int) -> float:
        """The learning rate of a step, from 0."""
        return float(self.lowest * (self.highest / self.lowest) ** (step / max(self.steps - 1, 1)))


@dataclass(frozen=True)
class Point:
    """After ``step`` steps: learning rate and loss of the last step (nan before the first), and the probe."""

    step: int
    lr: float
    loss: float
    probe: float


@dataclass(frozen=True)
class Found:
    """Learning rates read from a curve.

    Attributes:
        steepest: where the probe falls fastest.
        lowest: where the probe is lowest.
        tenth: a tenth of ``lowest``, the usual choice for a long training.
        ended: where the test ended early; None if it ran to the end.
    """

    steepest: float
    lowest: float
    tenth: float
    ended: float | None


def range_test(training: Training, test: RangeTest, scratch: Path) -> list[Point]:
    """Run the test. It changes the weights of the training's module, which cannot be used afterwards.

    Args:
        training: of any stage; its number of steps, schedule and pictures are replaced.
        scratch: a folder for temporary files; it is deleted.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    # Samples of later steps: no step of the test draws the same noise and levels.
    samples = [training.batch(test.steps + i, range(1)) for i in range(test.probe)]
    points: list[Point] = []
    losses: list[float] = []
    seen = -1

    def probe_at(step: int) -> None:
        with torch.no_grad():
            probe = sum(float(training.loss(training.module, one).mean) for one in samples) / len(samples)
        rate, loss = (test.rate(step - 1), losses[-1]) if step else (test.rate(0), math.nan)
        points.append(Point(step, rate, loss, probe))
        if not probe <= TOO_MUCH * min(point.probe for point in points):
            raise Diverged(f"{training.name}: the probe became {probe} at step {step}")

    def batch(step: int, rows: range) -> Any:
        nonlocal seen
        if step != seen and step % test.every == 0:
            probe_at(step)
        seen = step
        return training.batch(step, rows)

    def loss(module: nn.Module, one: Any) -> StepLoss:
        found = training.loss(module, one)
        losses.append(float(found.mean.detach()))
        return found

    changed = replace(
        training,
        batch=batch,
        loss=loss,
        params=training.params.model_copy(update={"steps": test.steps, "warmup": 0, "diverged": 0.0}),
        checkpoints=CheckpointParams(every=test.steps, seconds=0, keep=1, log_every=test.steps),
        folder=scratch,
        watch=None,
        rate=test.rate,
        work=None,
    )
    try:
        train(changed)
    except Diverged:
        pass  # the usual end of a range test
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return points


def found_in(points: Sequence[Point], test: RangeTest) -> Found:
    """Read the rates from a curve on logarithmic axes, smoothed over five measurements.

    Raises:
        ValueError: when there are fewer than three finite measurements.
    """
    finite = [p for p in points if math.isfinite(p.probe)]
    if len(finite) < 3:
        raise ValueError(
            f"the probe has {len(finite)} finite values, but a curve needs at least 3; start from a lower rate"
        )
    smooth = _smoothed([math.log(p.probe) for p in finite])
    slopes = np.diff(smooth)
    lowest = finite[int(np.argmin(smooth))].lr
    ended = points[-1].lr if points[-1].step + test.every < test.steps else None
    return Found(finite[int(np.argmin(slopes)) + 1].lr, lowest, lowest / 10, ended)


def _smoothed(values: Sequence[float], radius: int = 2) -> np.ndarray:
    """The mean over neighbours; there are fewer at the ends."""
    return np.array([np.mean(values[max(i - radius, 0) : i + radius + 1]) for i in range(len(values))])
