"""Luce's choice model: a method is chosen with a probability in proportion to its strength, and so is a place.

The utility of a method in a place is the sum of both, ``P(choice) = exp(u_method + b_place) / Σ exp(…)`` (multinomial
logit), fitted by Newton's method. A weak normal prior keeps a method that nobody chose at a finite strength. Standard
errors are clustered by participant and by video, as those of shares are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tgvac.clips.votes import Vote

PRIOR_SD = 5.0
"""Of utilities: a ratio of strengths of 150 to 1 is one standard deviation."""


@dataclass(frozen=True)
class Strength:
    """The strength of a method or a place: its share of choices if all were equal but this, with an interval.

    Attributes:
        low, high: of the share, on the scale of the log of its odds.
        utility, error: of the logit, centred over all methods or places.
    """

    share: float
    low: float
    high: float
    utility: float
    error: float


@dataclass(frozen=True)
class Fitted:
    """The model of some votes; places are counted from 0."""

    methods: Mapping[str, Strength]
    places: Mapping[int, Strength]


def fit(votes: Sequence[Vote], methods: Sequence[str], confidence: float) -> Fitted:
    """Fit the model.

    Args:
        methods: what is compared; every vote has shown all of them.

    Raises:
        ValueError: without votes.
    """
    if not votes:
        raise ValueError("a model needs votes")
    count = len(methods)
    index = {name: i for i, name in enumerate(methods)}
    order_NK = np.array([[index[name] for name, _ in vote.shown] for vote in votes])
    chosen_N = np.array([vote.position for vote in votes])
    # x[n, k] is the row of place k: which method is there, and the place itself. Both are centred, so that they differ
    # by no constant.
    centre = np.eye(count) - 1 / count
    x_NKD = np.concatenate([centre[order_NK], np.broadcast_to(centre[None], (len(votes), count, count))], axis=2)
    theta_D = np.zeros(2 * count)
    for _ in range(100):
        p_NK = _probabilities(x_NKD, theta_D)
        score_ND = x_NKD[np.arange(len(votes)), chosen_N] - (p_NK[..., None] * x_NKD).sum(axis=1)
        gradient_D = score_ND.sum(axis=0) - theta_D / PRIOR_SD**2
        bread_DD = _information(x_NKD, p_NK) + np.eye(2 * count) / PRIOR_SD**2
        step_D = np.linalg.solve(bread_DD, gradient_D)
        theta_D = theta_D + step_D * min(1.0, 2.0 / max(1e-12, float(np.abs(step_D).max())))
        if float(np.abs(step_D).max()) < 1e-10:
            break
    inverse_DD = np.linalg.inv(bread_DD)
    people = [vote.participant for vote in votes]
    videos = [vote.video for vote in votes]
    clusters = min(len(set(people)), len(set(videos)))
    by = (people, videos, list(zip(people, videos, strict=True)))
    person, video, single = (inverse_DD @ _meat(score_ND, each) @ inverse_DD for each in by)
    methods_K, places_K = (
        _strengths(theta_D[part], [each[part, part] for each in (person, video, single)], clusters, confidence)
        for part in _parts(count)
    )
    return Fitted(dict(zip(methods, methods_K, strict=True)), dict(enumerate(places_K)))


def _meat(score_ND: np.ndarray, clusters: Sequence[object]) -> np.ndarray:
    """The covariance of the sum of scores, from sums over clusters, corrected for their number."""
    ids: dict[object, int] = {}
    of_N = np.array([ids.setdefault(each, len(ids)) for each in clusters])
    sums_CD = np.zeros((len(ids), score_ND.shape[1]))
    np.add.at(sums_CD, of_N, score_ND)
    return np.asarray(sums_CD.T @ sums_CD * len(ids) / max(1, len(ids) - 1))


def _parts(count: int) -> tuple[slice, slice]:
    return slice(0, count), slice(count, 2 * count)


def _probabilities(x_NKD: np.ndarray, theta_D: np.ndarray) -> np.ndarray:
    utility_NK = x_NKD @ theta_D
    weight_NK = np.exp(utility_NK - utility_NK.max(axis=1, keepdims=True))
    return np.asarray(weight_NK / weight_NK.sum(axis=1, keepdims=True))


def _information(x_NKD: np.ndarray, p_NK: np.ndarray) -> np.ndarray:
    mean_ND = (p_NK[..., None] * x_NKD).sum(axis=1)
    second_DD = np.einsum("nk,nkd,nke->de", p_NK, x_NKD, x_NKD)
    return np.asarray(second_DD - mean_ND.T @ mean_ND)


def _strengths(
    theta_K: np.ndarray, covariances_KK: Sequence[np.ndarray], clusters: int, confidence: float
) -> list[Strength]:
    """Strengths from utilities.

    Args:
        covariances_KK: clustered by participant, by video, and by both.
        clusters: the smaller number of them.
    """
    from scipy import stats

    centre = np.eye(len(theta_K)) - 1 / len(theta_K)
    covariances_KK = [centre @ each @ centre.T for each in covariances_KK]
    utility_K = centre @ theta_K
    share_K = np.exp(utility_K - utility_K.max())
    share_K /= share_K.sum()
    quantile = float(stats.t.ppf((1 + confidence) / 2, clusters - 1)) if clusters > 1 else math.nan
    out = []
    for k, share in enumerate(map(float, share_K)):
        # How the log of the odds of a share moves with all utilities.
        slope_K = -share_K / (1 - share)
        slope_K[k] = 1.0
        odds, half = math.log(share / (1 - share)), quantile * _error(slope_K, covariances_KK)
        low, high = (1 / (1 + math.exp(-end)) for end in (odds - half, odds + half))
        error = _error(np.eye(len(theta_K))[k], covariances_KK)
        out.append(Strength(share, low, high, float(utility_K[k]), error))
    return out


def _error(weights_K: np.ndarray, covariances_KK: Sequence[np.ndarray]) -> float:
    """The standard error of a weighted sum, as that of shares: never less than with one kind of cluster alone."""
    person, video, single = (float(weights_K @ each @ weights_K) for each in covariances_KK)
    return math.sqrt(max(person + video - single, person, video))
