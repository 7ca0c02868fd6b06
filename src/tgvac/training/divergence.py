"""When a training has diverged, and which checkpoint is still good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tgvac.errors import BadInput, wording
from tgvac.training.checkpoint import found_in, good_checkpoints
from tgvac.training.params import TrainingParams


class Diverged(BadInput):
    """A training that was given up, since its loss is no number or grows out of bounds."""


WINDOW = 10
"""Logged losses whose mean is compared; one alone says little, since a step's noise levels are drawn anew."""

SKIPPED = 100
"""Steps on end that may be left out in float16. Each halves the scale of the loss, and after some forty a scale of
65536, with which a training begins, is below the smallest number of float16; a hundred leave room for one that grew."""


_A_LOOK = "whose weights are kept for a look"
"""What a checkpoint is good for then: the same params diverge again, and with others none is gone on from."""


def has_diverged(events: Sequence[Mapping[str, float]], factor: float) -> bool:
    """Whether the mean of the last logged losses is ``factor`` times the lowest such mean so far; 0 never is.

    >>> has_diverged([{"loss": 1.0}] * 10 + [{"loss": 50.0}] * 10, 10.0)
    True
    """
    means = _means(events)
    return factor > 0 and len(means) > WINDOW and means[-1] > factor * min(means)


def lowest_at(events: Sequence[Mapping[str, float]]) -> int:
    """The step of the lowest mean loss: of the last of the logged losses that it is the mean of.

    >>> lowest_at([{"step": step, "loss": abs(step - 20.5)} for step in range(1, 50)])
    25
    """
    means = _means(events)
    lowest = min(means)
    last = max(i for i, mean in enumerate(means) if mean == lowest)
    return int([event["step"] for event in events if "loss" in event][last + WINDOW - 1])


@wording
def calmer(name: str, params: TrainingParams) -> str:
    """What to change, by key and value; a training's name begins with its phase, which is its block of the params."""
    block = name.split(maxsplit=1)[0]
    rate = f"lower the learning rate ({block}.lr {params.lr:g})"
    # That of stand-ins follows from their steps.
    warmup = "" if block == "backbones" else f" or lengthen the warm-up ({block}.warmup {params.warmup})"
    return rate + warmup


def _means(events: Sequence[Mapping[str, float]]) -> list[float]:
    losses = [event["loss"] for event in events if "loss" in event]
    return [sum(losses[i : i + WINDOW]) / WINDOW for i in range(len(losses) - WINDOW + 1)]


@wording
def last_good_checkpoint(folder: Path, key: str, until: int | None = None) -> str:
    """Half a sentence that names the last good checkpoint of a training.

    Args:
        until: the step after which a checkpoint may have begun to diverge; None: there is no such step.
    """
    path = None
    for step, path in good_checkpoints(folder, key):
        if until is None or step <= until:
            return f"the last good checkpoint is {path}, {_A_LOOK}"
    if path is not None:
        return (
            f"the oldest checkpoint that is kept and whole, {path}, {_A_LOOK}, may have begun to diverge, as the mean"
            f" loss was lowest at step {until}"
        )
    if found_in(folder):
        return f"no checkpoint in {folder} is whole"
    return "no checkpoint had been saved"
