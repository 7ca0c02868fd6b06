"""The interval of a mean over source videos, written out in loops, from one value for each video and training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import t as student

from tgvac.seeds import rng

Values = Mapping[tuple[int, int], float]
"""A value by video and training seed."""


def mean_of(found: Sequence[Values], signs: Sequence[int], without: int | None = None) -> float:
    """A sum of means with signs, without one video."""
    kept = [[value for (video, _), value in each.items() if video != without] for each in found]
    return sum(sign * sum(values) / len(values) for sign, values in zip(signs, kept, strict=True))


def interval(
    found: Sequence[Values], signs: Sequence[int], resamples: int, confidence: float, *names: str | int
) -> tuple[float, float]:
    """The interval for one or two trainings.

    Each video's part is what leaving it out changes. Every resample has its own standard error, and its ratio of error
    to standard error replaces Student's quantile, between 1 and 1.5 times that.
    Videos of unequal numbers of frames count as fewer.
    """
    videos = sorted({video for each in found for video, _ in each})
    counts = [[sum(key[0] == video for key in each) for video in videos] for each in found]
    effective = max(2.0, min(sum(each) ** 2 / sum(count**2 for count in each) for each in counts))
    n, mean = len(videos), mean_of(found, signs)
    parts = np.array([(n - 1) * (mean - mean_of(found, signs, without=video)) for video in videos])
    parts -= parts.mean()
    error = math.sqrt(parts.var(ddof=1) / n)
    if error < 1e-12:
        return mean, mean
    ratios = []
    for drawn in rng("bootstrap", *names).integers(0, n, (resamples, n)):
        taken = parts[drawn]
        own = math.sqrt(taken.var(ddof=1) / n)
        ratios.append(taken.mean() / own if own > 1e-9 * error else math.copysign(math.inf, taken.mean()))
    upper = (1 + confidence) / 2
    quantile, place = student.ppf(upper, effective - 1), math.ceil(upper * resamples) - 1
    high, low = sorted(ratios)[place], -sorted(ratios, reverse=True)[place]
    below, above = (min(1.5, max(1.0, each / quantile)) * quantile * error for each in (high, low))
    return mean - below, mean + above
