"""How far participants agree, and whether places on the page attract votes."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tgvac.clips.votes import Vote
from tgvac.seeds import rng

_RESAMPLES = 1000


@dataclass(frozen=True)
class Agreement:
    """Agreement of participants on the same videos.

    Attributes:
        pairs: the share of pairs of participants with the same choice on a video.
        kappa: that share beyond what the overall shares give by chance (Fleiss, 1971); 1 is full agreement, 0 none.
        low, high: of kappa, from drawing videos with replacement.
    """

    pairs: float
    kappa: float
    low: float
    high: float


def agreement(votes: Sequence[Vote], methods: Sequence[str], confidence: float, *names: str) -> Agreement:
    """Fleiss' kappa; numbers are NaN where no video has two votes, and kappa also where all votes are for one method.

    Args:
        names: of the draws.
    """
    by_sample: dict[str, Counter[str]] = defaultdict(Counter)
    for vote in votes:
        by_sample[vote.sample][vote.choice] += 1
    counts_SK = np.array([[by_sample[sample][name] for name in methods] for sample in sorted(by_sample)], float)
    counts_SK = counts_SK[counts_SK.sum(axis=1) >= 2] if len(counts_SK) else np.zeros((0, len(methods)))
    if not len(counts_SK):
        return Agreement(*[math.nan] * 4)
    pairs, kappa = _kappa(counts_SK)
    if len(counts_SK) < 2:
        return Agreement(pairs, kappa, math.nan, math.nan)
    draw = rng("agreement", *names)
    taken = draw.integers(0, len(counts_SK), (_RESAMPLES, len(counts_SK)))
    found = np.array([_kappa(counts_SK[each])[1] for each in taken])
    if np.isnan(found).all():
        return Agreement(pairs, kappa, math.nan, math.nan)
    low, high = np.nanquantile(found, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Agreement(pairs, kappa, float(low), float(high))


def _kappa(counts_SK: np.ndarray) -> tuple[float, float]:
    people_S = counts_SK.sum(axis=1)
    agree_S = (counts_SK * (counts_SK - 1)).sum(axis=1) / (people_S * (people_S - 1))
    pairs = float(agree_S.mean())
    chance = float(((counts_SK.sum(axis=0) / counts_SK.sum()) ** 2).sum())
    return pairs, (pairs - chance) / (1 - chance) if chance < 1 else math.nan


@dataclass(frozen=True)
class PositionBias:
    """Votes by place on the page, from left to right.

    Attributes:
        p: how likely votes are to be spread so unevenly if places do not matter.
    """

    counts: tuple[int, ...]
    p: float


def position_bias(votes: Sequence[Vote]) -> PositionBias:
    """Test whether places attract votes.

    Orders are drawn anew and uniformly for each video and participant. If places do not matter, the chosen places are
    therefore independent and uniform, however much participants or videos resemble each other, so that the plain
    chi-square test is valid.

    Raises:
        ValueError: without votes.
    """
    from scipy import stats

    if not votes:
        raise ValueError("a test needs votes")
    found = Counter(vote.position for vote in votes)
    counts = tuple(found[k] for k in range(len(votes[0].shown)))
    return PositionBias(counts, float(stats.chisquare(counts).pvalue))
