"""Shares of votes, and differences of shares, with intervals that are clustered by participant and by video.

Votes of one participant resemble each other, and so do votes on one source video. The variance of a mean is that of
participants plus that of videos minus that of single votes (Cameron, Gelbach and Miller, 2011), and never less than the
larger of the first two. The quantile is Student's, with one degree of freedom less than the smaller number of clusters.
A share has Wilson's interval for the number of independent votes that would have this variance (Korn and Graubard,
1998), so that it stays within 0 and 1; a difference has an interval on the scale of its inverse hyperbolic tangent.
``tests/unit/test_preference_shares.py`` measures how often these intervals have the truth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tgvac.clips.votes import Vote
from tgvac.metrics.aggregate import Estimate

NOTHING = Estimate(math.nan, math.nan, math.nan, 0, 0)


def share(votes: Sequence[Vote], method: str, confidence: float) -> Estimate:
    """The share of votes for a method; ``frames`` of the estimate counts votes.

    The interval is missing with fewer than two participants or source videos.
    """
    if not votes:
        return NOTHING
    return _share(np.array([vote.choice == method for vote in votes], float), votes, confidence)


def difference(votes: Sequence[Vote], a: str, b: str, confidence: float) -> Estimate:
    """The share of one method minus that of another, on the same votes."""
    if not votes:
        return NOTHING
    value_N = np.array([(vote.choice == a) - (vote.choice == b) for vote in votes], float)
    mean, variance, clusters = clustered(value_N, votes)
    videos, count = len({vote.video for vote in votes}), len(votes)
    if clusters < 2:
        return Estimate(mean, math.nan, math.nan, videos, count)
    if variance == 0:  # all votes are for the one, or for the other, or all for a third
        edge = _wilson(0.0, clusters, _quantile(confidence, clusters))[1]
        return Estimate(mean, max(-1.0, mean - 2 * edge), min(1.0, mean + 2 * edge), videos, count)
    half = _quantile(confidence, clusters) * math.sqrt(variance) / (1 - mean**2)
    low, high = (math.tanh(math.atanh(mean) + sign * half) for sign in (-1, 1))
    return Estimate(mean, low, high, videos, count)


def clustered(value_N: np.ndarray, votes: Sequence[Vote]) -> tuple[float, float, int]:
    """The mean of a value of each vote, its variance, and the smaller number of clusters.

    Returns:
        the variance is 0 only if all values are equal; it is NaN with fewer than two clusters.
    """
    participants = np.unique([vote.participant for vote in votes], return_inverse=True)[1]
    videos = np.unique([vote.video for vote in votes], return_inverse=True)[1]
    both = np.unique(participants * (videos.max() + 1) + videos, return_inverse=True)[1]
    mean = float(value_N.mean())
    clusters = int(min(participants.max(), videos.max()) + 1)
    if clusters < 2:
        return mean, math.nan, clusters
    person, video, single = (_variance(value_N - mean, by_N) for by_N in (participants, videos, both))
    return mean, max(person + video - single, person, video), clusters


def _variance(rest_N: np.ndarray, by_N: np.ndarray) -> float:
    """The variance of a mean from sums over clusters, corrected for their number."""
    sums = np.bincount(by_N, rest_N)
    return float((sums**2).sum() / len(rest_N) ** 2 * len(sums) / (len(sums) - 1))


def _share(value_N: np.ndarray, votes: Sequence[Vote], confidence: float) -> Estimate:
    mean, variance, clusters = clustered(value_N, votes)
    videos = len({vote.video for vote in votes})
    if clusters < 2:
        return Estimate(mean, math.nan, math.nan, videos, len(votes))
    # Where all agree, nothing says how much they vary; then each cluster counts as one vote.
    effective = min(mean * (1 - mean) / variance, len(votes)) if variance > 0 else clusters
    low, high = _wilson(mean, effective, _quantile(confidence, clusters))
    return Estimate(mean, low, high, videos, len(votes))


def _wilson(mean: float, count: float, quantile: float) -> tuple[float, float]:
    """Wilson's interval of a share of ``count`` independent votes."""
    square = quantile**2
    centre = (mean + square / (2 * count)) / (1 + square / count)
    half = quantile * math.sqrt(mean * (1 - mean) / count + square / (4 * count**2)) / (1 + square / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def _quantile(confidence: float, clusters: int) -> float:
    from scipy import stats

    return float(stats.t.ppf((1 + confidence) / 2, clusters - 1))
