"""From rows to numbers with intervals: means over frames, clustered by source video and crossed with trainings.

A row is one frame's value of one metric; its columns are ``scale, method, variant, mask_source, train_seed,
sample_seed, sample, video, frame, metric, rate, value``, where ``video`` is the source video of the target.
The paper averages over frames, so the estimand is the frame-weighted mean over source videos: of the given trainings
for one or two, of trainings in general from three training seeds on. Frames of one source video resemble each other,
also across samples, so a video is one draw. :mod:`tgvac.metrics.intervals` has the interval.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tgvac.metrics.intervals import ENOUGH_TRAININGS, Spread, effective_number, influence_of, spread_of
from tgvac.seeds import rng

if TYPE_CHECKING:
    import pandas as pd

CELL = ("scale", "method", "variant", "mask_source", "metric")
"""The columns that identify a cell of a table: within a cell each has one value."""

KEY = ("sample", "frame", "train_seed", "sample_seed")
"""The columns that identify a row within a cell."""

_ORDER = ["video", "train_seed", "value"]
"""Rows are summed in this order, so that the order of the input (shards, merges) does not change even the last bit."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        mean: mean over frames, in the metric's unit; NaN if there is no value.
        low, high: ends of the interval; NaN with fewer than two source videos, because one video does not show how
            much videos vary.
        videos: source videos that contributed.
        frames: values that contributed.
        trainings: training seeds that contributed; 0 if nothing was trained.
        spread: how it varies; None without an interval, or if the interval is another one's (votes).
    """

    mean: float
    low: float
    high: float
    videos: int
    frames: int
    trainings: int = 0
    spread: Spread | None = field(default=None, repr=False, compare=False)

    @property
    def of(self) -> str:
        """What the number is about: what it would be if it were measured on all videos of this kind."""
        if self.trainings >= ENOUGH_TRAININGS:
            return f"trainings ({self.trainings} seeds)"
        return {0: "no training", 1: "this training"}.get(self.trainings, f"these {self.trainings} trainings")


def mean_with_interval(rows: pd.DataFrame, resamples: int, confidence: float, *names: str | int) -> Estimate:
    """The mean of one cell of a table.

    Args:
        rows: rows of one cell, in any order, of the wanted frames only; NaN values are dropped.
        resamples: number of bootstrap resamples, at least 1.
        confidence: mass of the interval, in (0,1).
        names: seed names, such as the cell's id; the same names give the same interval.

    Raises:
        ValueError: rows of several cells, the same row twice, or a number out of range.
    """
    _check_cell(rows)
    return _estimate(rows[rows["value"].notna()], resamples, confidence, names)


def paired_difference(
    rows_a: pd.DataFrame,
    rows_b: pd.DataFrame,
    resamples: int,
    confidence: float,
    *names: str | int,
    on: tuple[str, ...] = KEY,
) -> Estimate:
    """The mean of ``a - b`` over the frames that both have: the difference of two methods on the same frames.

    Args:
        rows_a, rows_b: rows of one cell each, of the same metric; a pair in which either value is NaN is
            dropped, and so is a row without a partner (``frames`` is the number of pairs).
        resamples, confidence, names: as in ``mean_with_interval``.
        on: the columns that make a pair. A method that is not trained has no training seeds to match: with
            ``("sample", "frame")`` its one row per frame is paired with every seed's row of the other side, whichever
            side it is on, and each such pair counts.

    Raises:
        ValueError: as ``mean_with_interval``; also different metrics, several rows for one pair on both sides, or one
            sample with two source videos.
    """
    return _estimate(_pairs(rows_a, rows_b, on), resamples, confidence, names)


def paired_gain(
    more: tuple[pd.DataFrame, pd.DataFrame],
    less: tuple[pd.DataFrame, pd.DataFrame],
    resamples: int,
    confidence: float,
    *names: str | int,
    on: tuple[str, ...] = KEY,
) -> Estimate:
    """How much larger the difference of two methods is on some frames than on others.

    ``mean(a - b over the frames of more) - mean(a - b over the frames of less)``. One source video may have
    frames of both kinds, so a video is one draw for both means.

    Args:
        more, less: rows of ``a`` and of ``b``, of the wanted frames only; as in ``paired_difference``.
        resamples, confidence, names, on: as in ``paired_difference``.

    Returns:
        ``videos`` counts those of the kind that has fewer, because that mean is less certain; with fewer than two
        there is no interval. ``frames`` are the pairs of both kinds.
    """
    _check_numbers(resamples, confidence)
    sides = [_pairs(a, b, on).dropna(subset="value").sort_values(_ORDER, kind="stable") for a, b in (more, less)]
    frames = sum(len(side) for side in sides)
    videos = np.unique(np.concatenate([_videos(side) for side in sides]))
    seeds = np.unique(np.concatenate([side["train_seed"].to_numpy() for side in sides]))
    fewer = min(len(_videos(side)) for side in sides)
    if fewer == 0:
        return Estimate(np.nan, np.nan, np.nan, 0, frames)
    sums = [_sums(side, videos, seeds) for side in sides]
    gain = float(sums[0][0].sum() / sums[0][1].sum() - sums[1][0].sum() / sums[1][1].sum())
    if fewer < 2:
        return Estimate(gain, np.nan, np.nan, fewer, frames, _trainings(seeds))
    influence_VT = influence_of(*sums[0]) - influence_of(*sums[1])
    effective = min(effective_number(count_VT) for _, count_VT in sums)
    return _with_interval(gain, influence_VT, effective, (fewer, frames), seeds, resamples, confidence, names)


def _pairs(rows_a: pd.DataFrame, rows_b: pd.DataFrame, on: tuple[str, ...]) -> pd.DataFrame:
    """The pairs of rows, with ``a - b`` as their value and the training seed of the side that has one."""
    for rows in (rows_a, rows_b):
        _check_cell(rows)
    metrics = {*rows_a["metric"].unique(), *rows_b["metric"].unique()}
    if len(metrics) > 1:
        raise ValueError(f"a difference needs one metric, not {', '.join(sorted(metrics))}")
    if unknown := set(on) - set(KEY):
        raise ValueError(f"pairs are made on {KEY}, not on {sorted(unknown)}")
    # The side with one row per pair is looked up for each row of the other side.
    swapped = bool(rows_b.duplicated(list(on)).any())
    many, one = (rows_b, rows_a) if swapped else (rows_a, rows_b)
    if one.duplicated(list(on)).any():
        raise ValueError(f"both sides have several rows for one {on}; give one of them a single seed")
    others = [column for column in ("video", "train_seed", "value") if column not in on]
    one = one[[*on, *others]].rename(columns={column: f"other_{column}" for column in others})
    pairs = many.merge(one, on=list(on), how="inner")
    if (pairs["video"].astype(str) != pairs["other_video"].astype(str)).any():
        raise ValueError("one sample has two source videos; give rows of the same recipes")
    if "train_seed" not in on:
        pairs["train_seed"] = pairs[["train_seed", "other_train_seed"]].max(axis=1)
    a, b = ("other_value", "value") if swapped else ("value", "other_value")
    return pairs.assign(value=pairs[a] - pairs[b])


def _check_cell(rows: pd.DataFrame) -> None:
    for column in CELL:
        if rows[column].nunique(dropna=False) > 1:
            raise ValueError(f"rows of several cells: '{column}' is {sorted(map(str, rows[column].unique()))}")
    if rows.duplicated(list(KEY)).any():
        raise ValueError(f"a row appears twice (same {', '.join(KEY)}); give each row once")


def _check_numbers(resamples: int, confidence: float) -> None:
    if resamples < 1 or not 0 < confidence < 1:
        raise ValueError(f"resamples must be at least 1 and confidence in (0,1), not {resamples} and {confidence}")


def _estimate(rows: pd.DataFrame, resamples: int, confidence: float, names: tuple[str | int, ...]) -> Estimate:
    _check_numbers(resamples, confidence)
    rows = rows[rows["value"].notna()].sort_values(_ORDER, kind="stable")
    if len(rows) == 0:
        return Estimate(np.nan, np.nan, np.nan, 0, 0)
    videos, seeds = np.unique(_videos(rows)), np.unique(rows["train_seed"].to_numpy())
    sum_VT, count_VT = _sums(rows, videos, seeds)
    mean = float(sum_VT.sum() / count_VT.sum())
    if len(videos) < 2:
        return Estimate(mean, np.nan, np.nan, len(videos), len(rows), _trainings(seeds))
    counts, effective = (len(videos), len(rows)), effective_number(count_VT)
    return _with_interval(mean, influence_of(sum_VT, count_VT), effective, counts, seeds, resamples, confidence, names)


def _with_interval(
    mean: float,
    influence_VT: NDArray[np.float64],
    effective: float,
    counts: tuple[int, int],
    seeds: NDArray[np.int64],
    resamples: int,
    confidence: float,
    names: tuple[str | int, ...],
) -> Estimate:
    """An estimate with its interval; ``counts`` are source videos and frames."""
    spread = spread_of(influence_VT, effective, _taken(rng("bootstrap", *names), resamples, len(influence_VT)))
    below, above = spread.reach(confidence)
    return Estimate(mean, mean - below, mean + above, *counts, _trainings(seeds), spread)


def _trainings(seeds: NDArray[np.int64]) -> int:
    return int((seeds >= 0).sum())


def _videos(rows: pd.DataFrame) -> NDArray[np.str_]:
    """The source videos of some rows, in order of appearance."""
    return np.asarray(rows["video"].unique(), dtype=str)


def _sums(
    rows: pd.DataFrame, videos: NDArray[np.str_], seeds: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and number of values by source video and training seed, each float64 [V,T]; both axes sorted."""
    value_N = rows["value"].to_numpy(np.float64)
    if not np.isfinite(value_N).all():
        raise ValueError("an infinite value has no mean; cap the metric")
    # Each name is looked up once per video, not once per row.
    code_N, found = rows["video"].factorize()
    video_N = np.searchsorted(videos, np.asarray(found, dtype=str))[code_N]
    cell_N = video_N * len(seeds) + np.searchsorted(seeds, rows["train_seed"].to_numpy())
    shape, cells = (len(videos), len(seeds)), len(videos) * len(seeds)
    sum_VT = np.bincount(cell_N, value_N, cells).astype(np.float64).reshape(shape)
    return sum_VT, np.bincount(cell_N, minlength=cells).astype(np.float64).reshape(shape)


def _taken(draw: np.random.Generator, resamples: int, count: int) -> NDArray[np.float64]:
    """How often each of ``count`` items is taken in each resample, float64 [R,count]; rows sum to ``count``."""
    drawn_RN = draw.integers(0, count, (resamples, count)) + count * np.arange(resamples)[:, None]
    return np.bincount(drawn_RN.ravel(), minlength=resamples * count).reshape(resamples, count).astype(np.float64)
