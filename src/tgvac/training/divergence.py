"""When a training has gone wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tgvac.errors import BadInput


class Diverged(BadInput):
    """A training that was given up, since its loss is no number or grows out of bounds."""


WINDOW = 10
"""Logged losses whose mean is compared; one alone says little, since a step's noise levels are drawn anew."""


def has_diverged(events: Sequence[Mapping[str, float]], factor: float) -> bool:
    """Whether the mean of the last logged losses is ``factor`` times the lowest such mean so far; 0 never is.

    >>> has_diverged([{"loss": 1.0}] * 10 + [{"loss": 50.0}] * 10, 10.0)
    True
    """
    losses = [event["loss"] for event in events if "loss" in event]
    if factor <= 0 or len(losses) < 2 * WINDOW:
        return False
    means = [sum(losses[i : i + WINDOW]) / WINDOW for i in range(len(losses) - WINDOW + 1)]
    return means[-1] > factor * min(means)
