"""The learning-rate range test (Smith 2017, section 3.3): a short training whose rate rises from step to step.

A step's own loss says little, since losses of noise levels differ tenfold and levels are drawn anew. So a probe is
looked at beside it: the loss on rows that no step draws, with the same noise at the same levels each time; they are of
the train split, so their clips may be trained on with other noise.
Where the probe falls fastest a rate does most; where it rises again the rate is too high.
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
"""Times its lowest value that the probe may grow to before the test ends: nothing is learned from what follows."""


@dataclass(frozen=True)
class RangeTest:
    """How a test is made.

    Attributes:
        lowest: the learning rate of the first step.
        highest: that of the last one.
        steps: from one to the other, by equal factors.
        probe: rows that the probe has.
        every: steps from one look at the probe to the next.
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
    """After so many steps: the rate and the loss of the last one (nan before the first), and the probe."""

    step: int
    lr: float
    loss: float
    probe: float


@dataclass(frozen=True)
class Found:
    """What a curve tells.

    Attributes:
        steepest: the rate at which the probe falls fastest.
        lowest: the rate after which the probe is lowest.
        tenth: a tenth of that, the usual choice for a long training.
        ended: the rate at which the test ended early; None: it went to the end.
    """

    steepest: float
    lowest: float
    tenth: float
    ended: float | None


def range_test(training: Training, test: RangeTest, scratch: Path) -> list[Point]:
    """Train the training's module, which is of no use afterwards.

    Args:
        training: of any stage; its number of steps, its schedule and its pictures are left out.
        scratch: an own folder for the while; it is emptied.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    # The steps beyond those of the test draw other rows, noise and levels than any of it.
    given = [training.batch(test.steps + i, range(1)) for i in range(test.probe)]
    points: list[Point] = []
    losses: list[float] = []
    seen = -1

    def probe_at(step: int) -> None:
        with torch.no_grad():
            probe = sum(float(training.loss(training.module, one).mean) for one in given) / len(given)
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
        pass  # is what a range test ends with
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return points


def found_in(points: Sequence[Point], test: RangeTest) -> Found:
    """Read a curve: its logarithm over that of the rate, smoothed over five looks."""
    finite = [p for p in points if math.isfinite(p.probe)]
    if len(finite) < 3:
        raise ValueError(f"{len(finite)} looks at the probe are no curve; a test needs three")
    smooth = _smoothed([math.log(p.probe) for p in finite])
    slopes = np.diff(smooth)
    lowest = finite[int(np.argmin(smooth))].lr
    ended = points[-1].lr if points[-1].step + test.every < test.steps else None
    return Found(finite[int(np.argmin(slopes)) + 1].lr, lowest, lowest / 10, ended)


def _smoothed(values: Sequence[float], radius: int = 2) -> np.ndarray:
    """The mean over neighbours, over fewer at the ends."""
    return np.array([np.mean(values[max(i - radius, 0) : i + radius + 1]) for i in range(len(values))])
