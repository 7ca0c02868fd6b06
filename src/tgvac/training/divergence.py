"""When a training has diverged, which checkpoint is still good, and what the error says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tgvac.errors import BadInput, wording
from tgvac.training.checkpoint import found_in, good_checkpoints
from tgvac.training.params import TrainingParams

if TYPE_CHECKING:
    from tgvac.training.loop import Training


class Diverged(BadInput):
    """A training was stopped since its loss is not finite or has grown too much."""


WINDOW = 10
"""Number of logged losses in a mean. Single losses are too noisy to compare: each step has other noise levels."""

SKIPPED = 100
"""Consecutive skipped steps in float16 after which a training is stopped. Each halves the scale of the loss. After
about 40 the initial scale of 65536 is below the smallest float16 number; 100 leave room for a scale that has grown."""


_INSPECTION = "kept for inspection"
"""All that a checkpoint can be used for: the same params would diverge again, and others start a new training."""


def has_diverged(events: Sequence[Mapping[str, float]], factor: float) -> bool:
    """Whether the mean of the last logged losses exceeds ``factor`` times the lowest such mean; never for factor 0.

    >>> has_diverged([{"loss": 1.0}] * 10 + [{"loss": 50.0}] * 10, 10.0)
    True
    """
    means = _means(events)
    return factor > 0 and len(means) > WINDOW and means[-1] > factor * min(means)


def lowest_at(events: Sequence[Mapping[str, float]]) -> int:
    """The step of the last loss in the lowest mean; of several equal means, the latest counts.

    >>> lowest_at([{"step": step, "loss": abs(step - 20.5)} for step in range(1, 50)])
    25
    """
    means = _means(events)
    lowest = min(means)
    last = max(i for i, mean in enumerate(means) if mean == lowest)
    return int([event["step"] for event in events if "loss" in event][last + WINDOW - 1])


@wording
def calmer(name: str, params: TrainingParams) -> str:
    """Which params to change, with their values. The first word of a name is the phase, and so the block of params."""
    block = name.split(maxsplit=1)[0]
    rate = f"lower the learning rate ({block}.lr {params.lr:g})"
    # The warm-up of stand-ins follows from their number of steps.
    warmup = "" if block == "backbones" else f" or lengthen the warm-up ({block}.warmup {params.warmup})"
    return rate + warmup


def _means(events: Sequence[Mapping[str, float]]) -> list[float]:
    losses = [event["loss"] for event in events if "loss" in event]
    return [sum(losses[i : i + WINDOW]) / WINDOW for i in range(len(losses) - WINDOW + 1)]


@wording
def last_good_checkpoint(folder: Path, key: str, until: int | None = None) -> str:
    """A clause that names the last good checkpoint of a training.

    Args:
        until: the last step before the training may have begun to diverge; None if every checkpoint counts as good.
    """
    path = None
    for step, path in good_checkpoints(folder, key):
        if until is None or step <= until:
            return f"the last good checkpoint is {path}, {_INSPECTION}"
    if path is not None:
        return (
            f"the oldest whole checkpoint is {path}, {_INSPECTION}, but it may have begun to diverge, since the mean"
            f" loss was lowest at step {until}"
        )
    if found_in(folder):
        return f"all checkpoints in {folder} are damaged"
    return "no checkpoint was saved"


@wording
def not_finite(training: Training, what: str, value: float, step: int) -> Diverged:
    """The error for a loss or gradient that is not finite, at a step from 0."""
    return diverged(training, f"{what} became {value} at step {step + 1}")


@wording
def diverged(training: Training, why: str, until: int | None = None, advice: str = "") -> Diverged:
    """The error of a training that is stopped.

    Args:
        until: see :func:`last_good_checkpoint`.
        advice: what to change; "" for a lower learning rate.
    """
    advice = advice or calmer(training.name, training.params)
    good = last_good_checkpoint(training.state, training.identity.key, until)
    return Diverged(f"{training.name}: {why}; {good}; {advice} (a run with other params starts from step 0).")


@wording
def never_finite(training: Training, norm: float, skipped: int, step: int) -> Diverged:
    """The error for gradients that never become finite in float16, at a step from 0."""
    why = f"{skipped} steps in a row were skipped up to step {step + 1}, since the loss's gradient was {norm}"
    return diverged(training, why, advice="use precision bfloat16 or float32")


@wording
def grown(training: Training, lowest: int) -> Diverged:
    """The error for a loss that has grown too much since its lowest mean, at step ``lowest``."""
    why = f"the loss has grown to more than {training.params.diverged:g} times its lowest"
    return diverged(training, why, until=lowest)
