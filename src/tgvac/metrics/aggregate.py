"""From rows to numbers with intervals: means over frames, and a bootstrap over source videos.

A row is one frame's value of one metric; its columns are ``scale, method, variant, mask_source, train_seed,
sample_seed, sample, video, frame, metric, rate, value``, where ``video`` is the source video of the target.
The paper averages over frames, so the point estimate is the mean of all frames. Frames of one source video resemble
each other, also across samples, so the interval comes from drawing whole videos with replacement (a cluster bootstrap,
percentile method). If there are several training seeds, they are drawn with replacement as well, independently.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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
        low, high: ends of the percentile interval; NaN with fewer than two source videos, because one video does not
            show how much videos vary.
        videos: source videos that contributed.
        frames: values that contributed.
    """

    mean: float
    low: float
    high: float
    videos: int
    frames: int


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
    frames of both kinds, so each resample draws videos once, for both means.

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
        return Estimate(gain, np.nan, np.nan, fewer, frames)
    gain_R = np.subtract(*(_resampled(*pair, resamples, names) for pair in sums))  # same names, same draws
    low, high = _interval(gain_R, confidence)
    return Estimate(gain, low, high, fewer, frames)


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
    videos = np.unique(_videos(rows))
    sum_VS, count_VS = _sums(rows, videos, np.unique(rows["train_seed"].to_numpy()))
    mean = float(sum_VS.sum() / count_VS.sum())
    if len(videos) < 2:
        return Estimate(mean, np.nan, np.nan, len(videos), len(rows))
    low, high = _interval(_resampled(sum_VS, count_VS, resamples, names), confidence)
    return Estimate(mean, low, high, len(videos), len(rows))


def _videos(rows: pd.DataFrame) -> NDArray[np.str_]:
    """The source videos of some rows, in order of appearance."""
    return np.asarray(rows["video"].unique(), dtype=str)


def _sums(
    rows: pd.DataFrame, videos: NDArray[np.str_], seeds: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and number of values by source video and training seed, each float64 [V,S]; both axes sorted."""
    value_N = rows["value"].to_numpy(np.float64)
    if not np.isfinite(value_N).all():
        raise ValueError("an infinite value has no mean; cap the metric")
    # Each name is looked up once per video, not once per row.
    code_N, found = rows["video"].factorize()
    video_N = np.searchsorted(videos, np.asarray(found, dtype=str))[code_N]
    cell_N = video_N * len(seeds) + np.searchsorted(seeds, rows["train_seed"].to_numpy())
    shape, cells = (len(videos), len(seeds)), len(videos) * len(seeds)
    sum_VS = np.bincount(cell_N, value_N, cells).astype(np.float64).reshape(shape)
    return sum_VS, np.bincount(cell_N, minlength=cells).astype(np.float64).reshape(shape)


def _interval(value_R: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    low, high = np.nanquantile(value_R, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _resampled(
    sum_VS: NDArray[np.float64], count_VS: NDArray[np.float64], resamples: int, names: tuple[str | int, ...]
) -> NDArray[np.float64]:
    """The mean in each resample, float64 [R], from sums and counts per source video and training seed.

    A draw of V videos with replacement is the number of times that each video is taken, so no row is copied. If not
    every video has every seed, a resample may be empty; its mean is NaN and does not count.
    """
    draw = rng("bootstrap", *names)
    videos, seeds = sum_VS.shape
    taken_RV, taken_RS = _taken(draw, resamples, videos), _taken(draw, resamples, seeds)
    total_R = ((taken_RV @ sum_VS) * taken_RS).sum(axis=1)
    count_R = ((taken_RV @ count_VS) * taken_RS).sum(axis=1)
    mean_R = np.full(resamples, np.nan)
    np.divide(total_R, count_R, out=mean_R, where=count_R > 0)
    return mean_R


def _taken(draw: np.random.Generator, resamples: int, count: int) -> NDArray[np.float64]:
    """How often each of ``count`` items is taken in each resample, float64 [R,count]; rows sum to ``count``."""
    drawn_RN = draw.integers(0, count, (resamples, count)) + count * np.arange(resamples)[:, None]
    return np.bincount(drawn_RN.ravel(), minlength=resamples * count).reshape(resamples, count).astype(np.float64)
