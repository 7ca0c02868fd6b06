"""The card's figures: occlusion rates, lengths of clips, categories, and words of captions.

Matplotlib draws without its global state and the user's settings; files have no date, and letters in an SVG are
outlines, so equal data give equal bytes and look the same everywhere.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tgvac.card.facts import SPLITS, Facts
from tgvac.card.params import DatasetParams

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"train": "#2563c9", "dev": "#c2540a", "val": "#1a8a5a"}
ONE = "#6f5bb8"
QUIET = "#5d6570"
OTHERS = "all others"
_DPI = 110


def draw_figures(facts: Facts, params: DatasetParams) -> dict[str, tuple[bytes, bytes]]:
    """Each figure as PNG and as SVG, by name."""
    import matplotlib
    from matplotlib.figure import Figure

    drawings: dict[str, Callable[[Figure], None]] = {
        "occlusion": lambda figure: _occlusion(figure, facts, params),
        "lengths": lambda figure: _lengths(figure, facts, params),
        "categories": lambda figure: _categories(figure, facts, params),
        "captions": lambda figure: _captions(figure, facts, params),
    }
    found = {}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        # With a fixed hash salt, an SVG has the same ids every time.
        matplotlib.rcParams.update({"svg.hashsalt": "tgvac", "svg.fonttype": "path", "font.size": 9})
        matplotlib.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True})
        for name, draw in drawings.items():
            figure = Figure(figsize=(8.4, 3.1), layout="constrained")
            draw(figure)
            found[name] = _encoded(figure, "png"), _encoded(figure, "svg")
    return found


def _encoded(figure: Figure, kind: str) -> bytes:
    stream = io.BytesIO()
    metadata = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
    figure.savefig(stream, format=kind, dpi=_DPI, metadata=metadata)
    return stream.getvalue()


def _occlusion(figure: Figure, facts: Facts, params: DatasetParams) -> None:
    frames, videos = figure.subplots(1, 2)
    edges = np.linspace(0, 100, params.rate_bins + 1)
    of_frames = {
        split: np.concatenate([np.zeros(0), *(facts.rates[r.recipe] for r in facts.recipes if r.split == split)])
        for split in SPLITS
    }
    _stacked(frames, {split: 100 * rates[~np.isnan(rates)] for split, rates in of_frames.items()}, edges)
    of_videos = {split: [100 * r.mean_rate for r in facts.recipes if r.split == split] for split in SPLITS}
    _stacked(videos, of_videos, edges)
    _name_splits(figure, frames)
    _label(frames, "Occlusion rate of frames", "hidden share of the object (%)", "frames")
    _label(videos, "Mean occlusion rate of videos", "mean hidden share (%)", "synthesized videos")


def _lengths(figure: Figure, facts: Facts, params: DatasetParams) -> None:
    made, kept = figure.subplots(1, 2)
    lengths = {split: [r.frames for r in facts.recipes if r.split == split] for split in SPLITS}
    _stacked(made, lengths, whole_edges([n for each in lengths.values() for n in each], params.length_bins))
    stretches = [stretch.frames for stretch in facts.stretches]
    kept.hist(stretches, bins=whole_edges(stretches, params.length_bins), color=ONE, edgecolor="white")
    _name_splits(figure, made)
    _label(made, "Length of synthesized videos", "frames", "synthesized videos")
    _label(kept, "Length of stretches in which objects are whole", "frames", "stretches")


def _categories(figure: Figure, facts: Facts, params: DatasetParams) -> None:
    instances, made = figure.subplots(1, 2)
    of_tracks = Counter(facts.category(track) for track in facts.instances)
    of_videos = Counter(facts.category(recipe.target) for recipe in facts.recipes)
    figure.set_size_inches(8.4, max(3.1, 0.9 + 0.19 * min(params.categories + 1, len(of_tracks))))
    _bars(instances, most(of_tracks, params.categories))
    _bars(made, most(of_videos, params.categories))
    _label(instances, "Objects kept, by category", "objects", "")
    _label(made, "Synthesized videos, by category of their object", "synthesized videos", "")


def _captions(figure: Figure, facts: Facts, params: DatasetParams) -> None:
    length, words = figure.subplots(1, 2)
    sentences = [words_of(caption.text) for caption in facts.captions.values()]
    counts = [len(each) for each in sentences]
    edges = whole_edges(counts, max([1, *counts]))
    length.hist(counts, bins=edges, color=ONE, edgecolor="white")
    figure.set_size_inches(8.4, max(3.1, 0.9 + 0.19 * params.words))
    top = Counter(word for each in sentences for word in each)
    _bars(words, dict(sorted(top.items(), key=lambda e: (-e[1], e[0]))[: params.words]))
    _label(length, "Words per caption", "words", "captions")
    _label(words, f"The most frequent of {len(top):,} words", "times", "")


def words_of(text: str) -> list[str]:
    """The words of a sentence, in lower case, without punctuation.

    >>> words_of("A dog's tail, red-brown.")
    ['a', "dog's", 'tail', 'red-brown']
    """
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower())


def most(counts: Mapping[str, int], limit: int) -> dict[str, int]:
    """The largest counts, ties by name; if there are more than the limit, the sum of the rest is `OTHERS`.

    >>> most({"a": 1, "b": 3, "c": 1}, 1)
    {'b': 3, 'all others': 2}
    """
    ordered = sorted(counts.items(), key=lambda e: (-e[1], e[0]))
    rest = sum(count for _, count in ordered[limit:])
    return dict(ordered[:limit]) | ({OTHERS: rest} if rest else {})


def whole_edges(values: Sequence[int], bins: int) -> np.ndarray:
    """Edges of at most ``bins`` equal bins of whole numbers, each edge halfway between two of them, float64.

    >>> whole_edges([3, 4, 6], 2).tolist()
    [2.5, 4.5, 6.5]
    """
    low, high = (min(values), max(values)) if values else (0, 0)
    width = -(-(high - low + 1) // bins)
    count = -(-(high - low + 1) // width)
    edges: np.ndarray = low - 0.5 + width * np.arange(count + 1)
    return edges


def _stacked(axes: Axes, values: Mapping[str, Sequence[float] | np.ndarray], edges: np.ndarray) -> None:
    """One bar per bin, with one part per split."""
    names = [name for name in values if len(values[name])]
    if not names:
        return
    axes.hist(
        [np.asarray(values[name], np.float64) for name in names],
        bins=edges.tolist(),
        stacked=True,
        color=[COLOURS[name] for name in names],
        label=names,
        edgecolor="white",
        linewidth=0.6,
    )


def _name_splits(figure: Figure, axes: Axes) -> None:
    """The legend of the splits, outside the plots."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=len(SPLITS), frameon=False, fontsize=8)


def _bars(axes: Axes, counts: Mapping[str, int]) -> None:
    """One bar per word, the longest on top, with its number; words are printed as they are, never as formulas."""
    names = list(counts)
    colours = ["#b9bfc7" if name == OTHERS else ONE for name in names]
    drawn = axes.barh(range(len(names)), [counts[name] for name in names], color=colours)
    axes.set_yticks(range(len(names)), names, fontsize=8, parse_math=False)
    axes.bar_label(drawn, fmt="{:,.0f}", padding=3, fontsize=8, color=QUIET)
    axes.margins(x=0.12, y=0.02)
    axes.invert_yaxis()


def _label(axes: Axes, title: str, across: str, up: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlabel(across, color=QUIET)
    axes.set_ylabel(up, color=QUIET)
    axes.tick_params(colors=QUIET, labelcolor="#1b1e23")
    # Ticks are whole numbers: counts of frames and words, or rates in percent.
    for axis in (axes.xaxis, axes.yaxis) if up else (axes.xaxis,):
        axis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    axes.grid(axis="y" if up else "x", color="#dfe2e6", linewidth=0.7)
