"""Each metric by ten equal ranges of occlusion, from 0 to 10 % hidden to 90 to 100 %: a CSV and a plot.

The paper divides frames at one half alone. A method that copies what is seen and one that paints what is hidden differ
most at the ends.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tgvac.methods.registry import Methods, label_of
from tgvac.metrics.aggregate import Estimate, mean_with_interval
from tgvac.report.methods import BASELINES, HEADLINE, of_quality
from tgvac.report.scores import SCORES, Measured, Score, Scored

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 10
COLUMNS = (
    *("method", "variant", "mask_source", "metric", "from", "to"),
    *("mean", "low", "high", "videos", "frames"),
)
_PLOTTED = (HEADLINE, "ours/no_motion", *BASELINES, "copy_visible/plain", "autoencoder/ceiling")
"""What the plot shows, by name or by the first part of it, so that lines stay readable; the CSV has all methods."""
_COLOURS = ("#2563c9", "#c2540a", "#1a8a5a", "#8c3fc0", "#b02a50", "#6b7000")
_DPI = 110
_BESIDE = 1.1
"""Between the lines of two methods, in percent hidden."""


@dataclass(frozen=True)
class Decile:
    """One range of occlusion rates: from ``low`` on, below ``high``; the last one includes 1."""

    of: Scored
    score: Score
    low: float
    high: float
    value: Estimate


def deciles(numbers: Measured, methods: Methods) -> list[Decile]:
    """The mean of each method of Table 2 and each metric in each range, with its interval; empty ranges included."""
    names = of_quality([name for name in methods if numbers.find(name) is not None], methods)
    settings, found = numbers.metrics, []
    for of in (of for of in numbers.scored(names) if of.name in names):
        for score in SCORES:
            rows = numbers.rows_of(of, score.metric, "all")
            # Rounded, since 0.3 * 10 is a little less than 3 as a float.
            bin_N = np.minimum(np.floor(np.round(rows["rate"].to_numpy(np.float64) * BINS, 9)), BINS - 1)
            for number in range(BINS):
                seeds = ("decile", of.name, of.mask_source, number, score.metric)
                value = mean_with_interval(rows[bin_N == number], settings.bootstrap, settings.confidence, *seeds)
                found.append(Decile(of, score, number / BINS, (number + 1) / BINS, value))
    return found


def deciles_csv(found: Sequence[Decile]) -> str:
    """One range of one method and metric per line; a missing value is an empty field."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in found:
        value = each.value
        fields = ["" if math.isnan(v) else repr(v) for v in (value.mean, value.low, value.high)]
        key = (each.of.method, each.of.variant, each.of.mask_source, each.score.metric)
        writer.writerow([*key, f"{each.low:g}", f"{each.high:g}", *fields, value.videos, value.frames])
    return stream.getvalue()


def deciles_plot(found: Sequence[Decile], mask_source: str) -> bytes | None:
    """The plot as PNG: a panel a metric, a line a method with its intervals; None where there is nothing to draw.

    Args:
        mask_source: the masks of the methods that are drawn.
    """
    import matplotlib
    from matplotlib.figure import Figure

    drawn = [each for each in found if each.of.mask_source == mask_source and not math.isnan(each.value.mean)]
    order = {of: place for of in dict.fromkeys(e.of for e in drawn) if (place := _place(of.name)) is not None}
    methods = sorted(order, key=lambda of: (order[of], of.name))[: len(_COLOURS)]
    scores = [score for score in SCORES if any(each.score == score and each.of in methods for each in drawn)]
    if not scores:
        return None
    with matplotlib.rc_context():
        # The user's settings would change the bytes.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
        figure = Figure(figsize=(10.5, 2.6 * math.ceil(len(scores) / 3) + 0.5), layout="constrained")
        _draw(figure, drawn, methods, scores)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()


def _place(name: str) -> int | None:
    """Where a method is in the plot's order; None for one that is not drawn."""
    return next((n for n, wanted in enumerate(_PLOTTED) if wanted in (name, name.partition("/")[0])), None)


def _draw(figure: Figure, drawn: Sequence[Decile], methods: Sequence[Scored], scores: Sequence[Score]) -> None:
    grid = figure.subplots(math.ceil(len(scores) / 3), min(3, len(scores)), squeeze=False)
    for panel in grid.flat[len(scores) :]:
        panel.set_axis_off()
    for panel, score in zip(grid.flat, scores, strict=False):
        for number, (of, colour) in enumerate(zip(methods, _COLOURS, strict=False)):
            line = [each for each in drawn if each.of == of and each.score == score]
            # Side by side, so that intervals of one range do not cover each other.
            beside = _BESIDE * (number - (len(methods) - 1) / 2)
            middle = [50 * (each.low + each.high) + beside for each in line]
            panel.plot(middle, [e.value.mean for e in line], color=colour, marker="o", markersize=3, linewidth=1.4)
            ends = [(x, e.value) for x, e in zip(middle, line, strict=True) if not math.isnan(e.value.low)]
            panel.vlines([x for x, _ in ends], [v.low for _, v in ends], [v.high for _, v in ends], colour, alpha=0.45)
        panel.set_title(score.label, loc="left", fontsize=9)
        panel.set_xlim(0, 100)
        panel.set_xlabel("hidden share of the object (%)")
        panel.grid(axis="y", color="#dfe2e6", linewidth=0.7)
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=colour, marker="o", markersize=3) for colour in _COLOURS[: len(methods)]]
    figure.legend(lines, [label_of(of.name) for of in methods], loc="outside upper left", ncols=3, frameon=False)
