"""How far a mean may be off: Student's interval, stretched on each side as a studentised bootstrap over videos says.

A mean over source videos has the interval ``mean - q_high * error`` to ``mean - q_low * error``, in which Student's t
distribution is the quantile of symmetric laws, and the studentised bootstrap that of skewed ones (Hall, 1988). The
bootstrap's quantile is held between ``LEAST`` and ``MOST`` times Student's: of ten videos, some resamples are nearly
constant, and their ratios have no bound. Videos of unequal numbers of frames count as fewer (Kish's effective number).
``make bench-coverage`` simulates this interval and those it was chosen from; docs/statistics.md has the figures.

With ``ENOUGH_TRAININGS`` or more, trainings are a sample, too: videos and trainings are crossed random effects. The
variance of the mean is that of videos plus that of trainings minus what both contain of single values, with
Satterthwaite's degrees of freedom. Few trainings have no distribution to draw from, so their part is Student's alone,
and the stretch is in proportion to the part of videos.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

# Shapes: V source videos, T trainings, R resamples.

LEAST, MOST = 1.0, 1.5
"""Bounds of the bootstrap's quantile, in Student's quantiles."""

ENOUGH_TRAININGS = 3
"""From so many on, an interval is about trainings and not about the given ones: two have one degree of freedom, whose
quantile is 12.7."""


@dataclass(frozen=True)
class Spread:
    """How an estimate varies.

    Attributes:
        error: standard error, in the metric's unit.
        freedom: degrees of freedom of the error.
        videos: effective number of source videos, at least 2.
        share: of the variance, what is between videos, in [0, 1].
        ratio_R: error of a resample's mean over its own standard error, sorted.
    """

    error: float
    freedom: float
    videos: float
    share: float
    ratio_R: NDArray[np.float64]

    def reach(self, confidence: float) -> tuple[float, float]:
        """How far the interval reaches below and above the estimate, both at least 0, in the metric's unit."""
        upper = (1 + confidence) / 2
        below, above = (self._stretch(side, upper) for side in (1, -1))
        half = float(stdtrit(self.freedom, upper)) * self.error
        return half * below, half * above

    def p(self, distance: float) -> float:
        """The two-sided p value of a value at a distance below the estimate (above it, if negative).

        It is the confidence of the interval that just reaches it, taken from 1; at least ``1e-9``.
        """
        if self.error == 0:
            return 1.0 if distance == 0 else _SMALLEST
        side, reached = (0, distance) if distance > 0 else (1, -distance)
        low, high = math.log(_SMALLEST), 0.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            within = self.reach(1 - math.exp(middle))[side] >= reached
            low, high = (middle, high) if within else (low, middle)
        return math.exp(high)

    def _stretch(self, side: int, upper: float) -> float:
        """The bootstrap's quantile in Student's, by as much of the variance as is between videos."""
        ratio_R = self.ratio_R
        # The interval's lower end comes from the upper tail of the ratios.
        place = min(len(ratio_R) - 1, max(0, math.ceil(upper * len(ratio_R)) - 1))
        drawn = ratio_R[place] if side > 0 else -ratio_R[len(ratio_R) - 1 - place]
        ratio = min(MOST, max(LEAST, float(drawn) / float(stdtrit(self.videos - 1, upper))))
        return math.sqrt(1 + self.share * (ratio**2 - 1))


_SMALLEST = 1e-9
_HALVINGS = 40


def spread_of(part_VT: NDArray[np.float64], videos: float, taken_RV: NDArray[np.float64]) -> Spread:
    """The spread of a mean.

    Args:
        part_VT: what each source video adds to the mean in each training: with equal weights, its own mean. Of a ratio
            of sums, its influence (:func:`influence_of`). Any constant may be added.
        videos: their effective number (:func:`effective_number`); all of them if their weights are equal.
        taken_RV: how often each video is taken in each resample; rows sum to V.

    Raises:
        ValueError: fewer than two videos.
    """
    if videos < 2:
        raise ValueError(f"an interval needs at least 2 source videos, not {videos}")
    part_VT = part_VT - part_VT.mean()
    mean_V, (count, trainings) = part_VT.mean(axis=1), part_VT.shape
    ratio_R = np.sort(_ratios(mean_V, taken_RV))
    if trainings < ENOUGH_TRAININGS:
        return Spread(math.sqrt(mean_V.var(ddof=1) / count), videos - 1, videos, 1.0, ratio_R)
    mean_T = part_VT.mean(axis=0)
    rest_VT = part_VT - mean_V[:, None] - mean_T[None, :]
    freedoms = np.array([videos - 1, trainings - 1, (videos - 1) * (trainings - 1)], np.float64)
    of_videos, of_trainings = trainings * mean_V.var(ddof=1), count * mean_T.var(ddof=1)
    single = (rest_VT**2).sum() / ((count - 1) * (trainings - 1))
    # Each mean square has the single values' variance in it, and by chance may be smaller than that.
    of_videos, of_trainings = max(of_videos, single), max(of_trainings, single)
    total = of_videos + of_trainings - single
    if total <= 0:
        return Spread(0.0, videos - 1, videos, 1.0, ratio_R)
    squares = np.array([of_videos, of_trainings, single]) ** 2
    freedom = total**2 / float((squares / freedoms).sum())
    share = of_videos / (of_videos + of_trainings)
    return Spread(math.sqrt(total / (count * trainings)), freedom, videos, float(share), ratio_R)


def effective_number(count_VT: NDArray[np.float64]) -> float:
    """The number of videos of equal weight that say as much of a mean: at most V, at least 2.

    Args:
        count_VT: numbers of frames; videos without frames count for nothing.
    """
    count_V = count_VT.sum(axis=1)
    return max(2.0, float(count_V.sum() ** 2 / (count_V**2).sum()))


def influence_of(sum_VT: NDArray[np.float64], count_VT: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each video, in each training, moves the ratio of the sums: V times what leaving it out changes.

    The variance of its means over videos, divided by V, is the jackknife's variance of the ratio. So it is right for
    videos of unequal numbers of frames, too.

    Args:
        sum_VT, count_VT: sums of values and numbers of frames; at least two videos have frames.
    """
    total = count_VT.sum()
    videos, trainings = sum_VT.shape
    apart_VT = (sum_VT - sum_VT.sum() / total * count_VT) * (videos * trainings / total)
    weight_V = count_VT.sum(axis=1) / total
    influence_VT: NDArray[np.float64] = apart_VT * ((1 - 1 / videos) / (1 - weight_V))[:, None]
    return influence_VT


def _ratios(mean_V: NDArray[np.float64], taken_RV: NDArray[np.float64]) -> NDArray[np.float64]:
    """The error of each resample's mean over the resample's own standard error, float64 [R].

    Where all taken values are equal the error is 0, so the ratio is infinite, with the sign of the mean.
    """
    count = len(mean_V)
    apart_R = taken_RV @ mean_V / count
    square_R = taken_RV @ mean_V**2 / count - apart_R**2
    # Equal values differ in their last bits.
    square_R[square_R < 1e-12 * max(mean_V.var(), 1e-300)] = 0
    error_R = np.sqrt(square_R / (count - 1))
    ratio_R: NDArray[np.float64] = np.select([apart_R > 0, apart_R < 0], [np.inf, -np.inf], 0.0)
    np.divide(apart_R, error_R, out=ratio_R, where=error_R > 0)
    return ratio_R
