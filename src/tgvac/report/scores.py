"""Which numbers Table 2 has, and how each is estimated from rows: one cell, one estimate, one seed by name."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from tgvac.metrics.aggregate import KEY, Estimate, mean_with_interval, paired_difference
from tgvac.metrics.difficulty import in_group
from tgvac.metrics.params import MetricsParams
from tgvac.report.tables import Cell, missing

if TYPE_CHECKING:
    import pandas as pd

Class = Literal["easy", "hard"]

CLASSES: tuple[tuple[Class, str], ...] = (("easy", "Easy cases"), ("hard", "Hard cases"))


@dataclass(frozen=True)
class Score:
    """A metric as a column: its name in rows, heading, decimals, and its name in the paper if it has one."""

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

ENOUGH_VIDEOS = 6
"""Source videos from which an interval may decide; fewer agree by chance more than once in 20 times (2 / 2^n)."""

LABELS = {
    "ours/full": "Ours",
    "ours/no_motion": "Ours without motion",
    "copy_visible/plain": "Copy the visible part (floor)",
    "temporal_copy/plain": "Copy from other frames (floor)",
    "mean_colour/plain": "Fill with the mean colour (floor)",
    "autoencoder/ceiling": "Autoencoder ceiling",
}


def label_of(method: str) -> str:
    """How tables and pictures call a ``method/variant``."""
    return LABELS.get(method, method)


@dataclass(frozen=True)
class Scored:
    """A row of ours: a method and variant, with masks from one source."""

    method: str
    variant: str
    mask_source: str

    @property
    def name(self) -> str:
        return f"{self.method}/{self.variant}"


def scored(rows: pd.DataFrame, methods: Iterable[str]) -> list[Scored]:
    """Everything found in the rows, in the order of ``methods``, what is not among them last."""
    order = {name: position for position, name in enumerate(methods)}
    found = {
        Scored(str(method), str(variant), str(masks))
        for method, variant, masks in rows[["method", "variant", "mask_source"]]
        .drop_duplicates()
        .itertuples(index=False)
    }
    return sorted(found, key=lambda s: (order.get(s.name, len(order)), s.name, s.mask_source))


def cell_rows(rows: pd.DataFrame, of: Scored, metric: str, difficulty: Class, hard_from: float) -> pd.DataFrame:
    """The rows of one cell: one method, one metric, the frames of one class (of a pair, by its later frame)."""
    mine = rows[
        (rows["method"] == of.method)
        & (rows["variant"] == of.variant)
        & (rows["mask_source"] == of.mask_source)
        & (rows["metric"] == metric)
    ]
    return mine[in_group(mine["rate"].to_numpy(np.float64), difficulty, hard_from)]


def estimate(rows: pd.DataFrame, of: Scored, score: Score, difficulty: Class, metrics: MetricsParams) -> Estimate:
    """The mean of one cell with its interval."""
    chosen = cell_rows(rows, of, score.metric, difficulty, metrics.hard_from)
    names = ("table2", of.name, of.mask_source, difficulty, score.metric)
    return mean_with_interval(chosen, metrics.bootstrap, metrics.confidence, *names)


def difference(
    rows: pd.DataFrame, a: Scored, b: Scored, score: Score, *, difficulty: Class, metrics: MetricsParams
) -> Estimate:
    """The mean of ``a - b`` over the frames that both have."""
    rows_a, rows_b = (cell_rows(rows, each, score.metric, difficulty, metrics.hard_from) for each in (a, b))
    names = ("difference", a.name, b.name, difficulty, score.metric)
    # Floors and ceilings have no seeds of their own: their one row a frame meets each seed's row of ours.
    on = ("sample", "frame") if not rows_b.duplicated(["sample", "frame"]).any() else KEY
    return paired_difference(rows_a, rows_b, metrics.bootstrap, metrics.confidence, *names, on=on)


def score_cell(value: Estimate, score: Score, otherwise: str, signed: bool = False) -> Cell:
    """An estimate as a cell, "mean [low, high]"; a dash with its reason where nothing was measured."""
    if math.isnan(value.mean):
        return missing(otherwise)
    sign = "+" if signed else ""
    mean = f"{value.mean:{sign}.{score.decimals}f}"
    if math.isnan(value.low):
        return Cell(mean, "[–]", ("A single source video gives no interval.",))
    low, high = (f"{end:{sign}.{score.decimals}f}" for end in (value.low, value.high))
    return Cell(mean, f"[{low}, {high}]")
