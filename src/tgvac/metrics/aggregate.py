"""From rows to numbers with intervals: the mean over frames, and a bootstrap over source videos.

A row is one frame's value of one metric; its columns are ``scale, method, variant, mask_source, train_seed,
sample_seed, sample, video, frame, metric, rate, value``, where ``video`` is the source video of the target.
The paper averages over frames, so the point is the mean of all frames. Frames of one source video resemble
each other, across samples too, so the interval comes from drawing whole videos with replacement (a cluster
bootstrap, percentile method), and, where there are several, training seeds as well, each independently.
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
"""The columns that tell cells of a table apart: within a cell each holds one value."""

KEY = ("sample", "frame", "train_seed", "sample_seed")
"""The columns that tell rows of one cell apart."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        mean: mean over frames, in the metric's unit; NaN where there is no value.
        low, high: ends of the percentile interval; NaN where there are fewer than two source videos, since
            nothing then says how another video would have come out.
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
        rows: rows of one cell, in any order, already narrowed to the wanted frames; NaN values are dropped.
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
    """The mean of ``a - b`` over the frames that both have: what two methods differ by on the same material.

    Args:
        rows_a, rows_b: rows of one cell each, of the same metric; a pair in which either value is NaN is
            dropped, and so is a row without a partner (``frames`` says how many pairs there were).
        resamples, confidence, names: as in ``mean_with_interval``.
        on: the columns that make a pair. A method that isn't trained here has no training seeds to match:
            with ``("sample", "frame")`` each row of ``rows_a`` meets the one row that ``rows_b`` has.

    Raises:
        ValueError: as ``mean_with_interval``; also different metrics, partners that are not unique in ``rows_b``,
            or one sample under two source videos.
    """
    for rows in (rows_a, rows_b):
        _check_cell(rows)
    metrics = {*rows_a["metric"], *rows_b["metric"]}
    if len(metrics) > 1:
        raise ValueError(f"a difference needs one metric, not {', '.join(sorted(metrics))}")
    if unknown := set(on) - set(KEY):
        raise ValueError(f"pairs are made on {KEY}, not on {sorted(unknown)}")
    if rows_b.duplicated(list(on)).any():
        raise ValueError(f"the second rows have several rows for one {on}; narrow them to one seed")
    b = rows_b[[*on, "video", "value"]].rename(columns={"video": "video_b", "value": "value_b"})
    pairs = rows_a.merge(b, on=list(on), how="inner")
    if (pairs["video"] != pairs["video_b"]).any():
        raise ValueError("one sample has two source videos; the rows come from different recipes")
    pairs = pairs.assign(value=pairs["value"] - pairs["value_b"])
    return _estimate(pairs[pairs["value"].notna()], resamples, confidence, names)


def _check_cell(rows: pd.DataFrame) -> None:
    for column in CELL:
        if rows[column].nunique(dropna=False) > 1:
            raise ValueError(f"rows of several cells: '{column}' is {sorted(map(str, rows[column].unique()))}")
    if rows.duplicated(list(KEY)).any():
        raise ValueError(f"a row stands twice (same {', '.join(KEY)})")


def _estimate(rows: pd.DataFrame, resamples: int, confidence: float, names: tuple[str | int, ...]) -> Estimate:
    if resamples < 1 or not 0 < confidence < 1:
        raise ValueError(f"resamples must be at least 1 and confidence in (0,1), not {resamples} and {confidence}")
    if len(rows) == 0:
        return Estimate(np.nan, np.nan, np.nan, 0, 0)
    # Sorted, so that the order of rows (shards, merges) changes not even the last bit of a sum.
    rows = rows.sort_values(["video", "train_seed", "value"], kind="stable")
    videos, video_of_row = np.unique(rows["video"].to_numpy(str), return_inverse=True)
    seeds, seed_of_row = np.unique(rows["train_seed"].to_numpy(), return_inverse=True)
    value_of_row = rows["value"].to_numpy(np.float64)
    if not np.isfinite(value_of_row).all():
        raise ValueError("an infinite value has no mean; cap it where it is measured")
    cell_of_row = video_of_row * len(seeds) + seed_of_row
    shape, cells = (len(videos), len(seeds)), len(videos) * len(seeds)
    sum_VS = np.bincount(cell_of_row, value_of_row, cells).astype(np.float64).reshape(shape)
    count_VS = np.bincount(cell_of_row, minlength=cells).astype(np.float64).reshape(shape)
    mean = float(sum_VS.sum() / count_VS.sum())
    if len(videos) < 2:
        return Estimate(mean, np.nan, np.nan, len(videos), len(rows))
    mean_R = _resampled(sum_VS, count_VS, resamples, names)
    low, high = np.nanquantile(mean_R, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(mean, float(low), float(high), len(videos), len(rows))


def _resampled(
    sum_VS: NDArray[np.float64], count_VS: NDArray[np.float64], resamples: int, names: tuple[str | int, ...]
) -> NDArray[np.float64]:
    """The mean in each resample, float64 [R], from sums and counts per source video and training seed.

    Drawing V videos with replacement is drawing how often each is taken, so no row is ever copied. Where
    videos and seeds don't cross completely a resample may be empty; it is NaN and doesn't count.
    """
    draw = rng("bootstrap", *names)
    videos, seeds = sum_VS.shape
    taken_RV = draw.multinomial(videos, np.full(videos, 1 / videos), resamples).astype(np.float64)
    taken_RS = draw.multinomial(seeds, np.full(seeds, 1 / seeds), resamples)
    total_R = ((taken_RV @ sum_VS) * taken_RS).sum(axis=1)
    count_R = ((taken_RV @ count_VS) * taken_RS).sum(axis=1)
    mean_R = np.full(resamples, np.nan)
    np.divide(total_R, count_R, out=mean_R, where=count_R > 0)
    return mean_R
