"""From rows to the numbers of tables: one estimate per cell, with a bootstrap seed named after the cell.

docs/statistics.md says what is estimated and how it is tested.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from tgvac.errors import BadInput
from tgvac.metrics.aggregate import KEY, Estimate, mean_with_interval, paired_difference, paired_gain
from tgvac.metrics.difficulty import Group, in_group
from tgvac.metrics.params import MetricsParams
from tgvac.report.preference import NO_VOTES, Preference
from tgvac.report.tables import Cell, missing

if TYPE_CHECKING:
    import pandas as pd

Groups = tuple[tuple[Group, str], ...]
"""Sets of frames, each with its heading."""

CLASSES: Groups = (("easy", "Easy cases"), ("hard", "Hard cases"))
ALL: Groups = (("all", ""),)
BINS: Groups = (
    ("visible", "Fully visible (0 %)"),
    ("20-50", "20 to 50 %"),
    ("50-80", "50 to 80 %"),
    ("hidden", "Fully hidden (100 %)"),
)


@dataclass(frozen=True)
class Score:
    """A metric as a column: its name in rows, its heading, its decimals, and its name in the paper or ""."""

    metric: str
    label: str
    decimals: int
    up: bool
    paper: str = ""


SCORES = (
    Score("clip", "CLIP↑", 3, True, "clip"),
    Score("lpips", "LPIPS↓", 3, False, "lpips"),
    Score("tc", "TC↑", 3, True, "tc"),
    Score("iou", "Amodal IoU↑", 3, True),
    Score("hidden_psnr", "Hidden PSNR↑ (dB)", 2, True),
)

PREFERENCE = Score("user_preference", "User preference↑", 2, True, "user_preference")
"""The share of people's votes; it comes from no rows, so it is in no list of scores."""

MORE = (
    Score("hidden_ssim", "Hidden SSIM↑", 3, True),
    Score("hidden_iou", "Hidden IoU↑", 3, True),
    Score("visible_psnr", "Visible PSNR↑ (dB)", 2, True),
    Score("warp_error", "Warp error↓", 4, False),
    Score("clip_t", "CLIP-T↑", 3, True),
    Score("lpips_alex", "LPIPS alex↓", 3, False),
    Score("lpips_vgg", "LPIPS vgg↓", 3, False),
    Score("clip_frame", "CLIP frame↑", 3, True),
    Score("lpips_frame", "LPIPS frame↓", 3, False),
    Score("clip_box", "CLIP box↑", 3, True),
    Score("lpips_box", "LPIPS box↓", 3, False),
)
"""Metrics with a table of their own, so that the paper's tables stay narrow. Not every run measures all of them."""

TRUTH_TC = Score("tc_truth", "TC of the truth", 3, True)
"""Not a method's score, but what the truth of the same frames has: a ceiling."""

ENOUGH_VIDEOS = 9
"""The fewest source videos with which a difference is marked or a claim decided. Intervals of fewer are printed, and
cover less often than they say where differences are skewed (``make bench-coverage``). It is the effective number that
counts (:func:`effective_videos`)."""

NOTHING = Estimate(math.nan, math.nan, math.nan, 0, 0)


def score_of(metric: str) -> Score:
    """The score of a metric by its name in the paper."""
    return next(score for score in (*SCORES, PREFERENCE) if score.paper == metric)


@dataclass(frozen=True)
class Scored:
    """What one row of ours scores: a method and variant, with masks from one source."""

    method: str
    variant: str
    mask_source: str

    @property
    def name(self) -> str:
        return f"{self.method}/{self.variant}"


class Measured:
    """The rows of a run, and the numbers of tables computed from them; each number is computed once.

    Args:
        rows: columns as in ``tgvac.clips.rows.Row``.
        metrics: the rate from which a frame is hard, and the settings of the bootstrap.
        mask_source: the masks with which the main rows were made.
        preference: what people voted for.
        smallest: the smallest difference of interest, by metric; 0 for metrics that are not in it.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        metrics: MetricsParams,
        mask_source: str,
        preference: Preference = NO_VOTES,
        smallest: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self.metrics, self.mask_source, self.preference, self.smallest = metrics, mask_source, preference, smallest
        # Merging on categories compares integers, which is much faster than comparing names.
        rows = rows.astype({column: "category" for column in rows.columns if column not in _NUMBERS})
        self._nothing = rows.iloc[:0]
        by = ["method", "variant", "mask_source", "metric"]
        self._parts = {
            (Scored(str(key[0]), str(key[1]), str(key[2])), str(key[3])): part
            for key, part in rows.groupby(by, observed=True, sort=True)
        }
        self.rows_of = cache(self._rows_of)
        self.estimate = cache(self._estimate)
        self.difference = cache(self._difference)

    def scored(self, methods: Iterable[str] = ()) -> list[Scored]:
        """Everything that was measured, in the order of ``methods``; what is not among them comes last."""
        order = {name: position for position, name in enumerate(methods)}
        found = {of for of, _ in self._parts}
        return sorted(found, key=lambda s: (order.get(s.name, len(order)), s.name, s.mask_source))

    def find(self, name: str) -> Scored | None:
        """A ``method/variant`` with the evaluation's masks, if the run has measured it."""
        return next((s for s in self.scored() if s.name == name and s.mask_source == self.mask_source), None)

    def frames(self, names: Iterable[str], metric: str, group: Group) -> tuple[int, int]:
        """The number of frames and of source videos behind a column; each counts once over all methods."""
        wanted, frames, videos = set(names), set(), set()
        for of in self.scored():
            if of.name in wanted:
                mine = self.rows_of(of, metric, group)
                mine = mine[mine["value"].notna()]
                frames |= set(zip(mine["sample"], mine["frame"], strict=True))
                videos |= set(mine["video"].unique())
        return len(frames), len(videos)

    def _rows_of(self, of: Scored, metric: str, group: Group) -> pd.DataFrame:
        """The rows of one cell: one method, one metric, one set of frames (a pair counts by its later frame)."""
        mine = self._parts.get((of, metric), self._nothing)
        return mine[in_group(mine["rate"].to_numpy(np.float64), group, self.metrics.hard_from)]

    def _estimate(self, of: Scored, score: Score, group: Group) -> Estimate:
        """The mean of one cell, with its interval."""
        if score is PREFERENCE:
            asked = of.mask_source == self.mask_source
            return self.preference.share(of.name, group, self.metrics.confidence) if asked else NOTHING
        names = ("score", of.name, of.mask_source, group, score.metric)
        rows = self.rows_of(of, score.metric, group)
        return mean_with_interval(rows, self.metrics.bootstrap, self.metrics.confidence, *names)

    def _difference(
        self, a: Scored, b: Scored, score: Score, group: Group, confidence: float | None = None
    ) -> Estimate:
        """The mean of ``a - b`` over the frames that both have; the draw does not depend on the confidence."""
        if score is PREFERENCE:
            return self.preference.difference(a.name, b.name, group, confidence or self.metrics.confidence)
        rows_a, rows_b = (self.rows_of(each, score.metric, group) for each in (a, b))
        names = ("difference", a.name, b.name, group, score.metric)
        confidence = confidence or self.metrics.confidence
        on = _pairing(rows_a, rows_b)
        return paired_difference(rows_a, rows_b, self.metrics.bootstrap, confidence, *names, on=on)

    def gain(
        self, a: Scored, b: Scored, score: Score, more: Group, less: Group, confidence: float | None = None
    ) -> Estimate:
        """The mean of ``a - b`` on the frames of ``more`` minus that on the frames of ``less``."""
        sides = [(self.rows_of(a, score.metric, g), self.rows_of(b, score.metric, g)) for g in (more, less)]
        names = ("gain", a.name, b.name, more, less, score.metric)
        confidence = confidence or self.metrics.confidence
        on = KEY if KEY in (_pairing(*side) for side in sides) else _FRAME
        return paired_gain(sides[0], sides[1], self.metrics.bootstrap, confidence, *names, on=on)

    def least(self, score: Score) -> float:
        """The smallest difference of interest, in the metric's unit."""
        return self.smallest.get(score.metric, 0.0)

    def sample_means(self, of: Scored, metric: str) -> Mapping[str, float]:
        """The mean of a metric by sample, over frames and training seeds; samples without a value are left out."""
        rows = self.rows_of(of, metric, "all")
        means = rows[rows["value"].notna()].groupby("sample", observed=True, sort=True)["value"].mean()
        return {str(sample): float(value) for sample, value in means.items()}


_NUMBERS = ("train_seed", "sample_seed", "frame", "rate", "value")
_FRAME = ("sample", "frame")


def _pairing(rows_a: pd.DataFrame, rows_b: pd.DataFrame) -> tuple[str, ...]:
    """The columns that make a pair of rows.

    Trained methods are paired seed by seed. A method that is not trained has one row per frame, which is paired with
    the rows of all seeds of the other side.

    Raises:
        BadInput: both sides have several training seeds, and one lacks a seed of the other.
    """
    seeds = [{int(seed) for seed in rows["train_seed"].unique() if seed >= 0} for rows in (rows_a, rows_b)]
    if min(map(len, seeds)) > 1 and seeds[0] != seeds[1]:
        (less, rows), (more, other) = sorted(zip(seeds, (rows_a, rows_b), strict=True), key=lambda side: len(side[0]))
        raise BadInput(
            f"{_name_of(rows)} has no rows of training seed {min(more - less or less - more)}, which"
            f" {_name_of(other)} has; run `tgvac run` for it, or leave that seed out of both."
        )
    if not any(rows.duplicated(list(_FRAME)).any() for rows in (rows_a, rows_b)):
        return _FRAME
    untrained = [bool((rows["train_seed"] < 0).all()) for rows in (rows_a, rows_b)]
    return _FRAME if untrained[0] != untrained[1] else KEY


def _name_of(rows: pd.DataFrame) -> str:
    return f"{rows['method'].iloc[0]}/{rows['variant'].iloc[0]}"


def effective_videos(value: Estimate) -> float:
    """The number of source videos that counts for a test: videos of unequal numbers of frames say less."""
    return value.videos if value.spread is None else min(value.videos, value.spread.videos)


def _enough(value: Estimate) -> bool:
    # Equal weights give the number itself but for its last bits.
    return effective_videos(value) >= ENOUGH_VIDEOS - 1e-6


def outside(value: Estimate, smallest: float) -> int:
    """1 or -1 for a difference above or below the smallest one of interest with its whole interval, else 0."""
    if not _enough(value) or math.isnan(value.low):
        return 0
    return 1 if value.low > smallest else -1 if value.high < -smallest else 0


def inside(value: Estimate, smallest: float) -> bool:
    """Whether a difference's whole interval is within the smallest one of interest, either way."""
    return _enough(value) and -smallest <= value.low and value.high <= smallest


def p_outside(value: Estimate, smallest: float) -> float:
    """The two-sided p value if the true difference is no larger than the smallest one of interest.

    Below ``1 - confidence`` exactly where :func:`outside` is not 0; NaN where nothing is tested.
    """
    if not _enough(value) or value.spread is None:
        return math.nan
    if abs(value.mean) <= smallest:
        return 1.0
    return value.spread.p(value.mean - math.copysign(smallest, value.mean))


def score_cell(value: Estimate, score: Score, otherwise: str, signed: bool = False) -> Cell:
    """An estimate as a cell, "mean [low, high]"; a dash with a reason if nothing was measured."""
    if math.isnan(value.mean):
        return missing(otherwise)
    sign = "+" if signed else ""
    mean = f"{value.mean:{sign}.{score.decimals}f}"
    if math.isnan(value.low):
        return Cell(mean, "[–]", ("A single source video gives no interval.",))
    low, high = (f"{end:{sign}.{score.decimals}f}" for end in (value.low, value.high))
    return Cell(mean, f"[{low}, {high}]")
