"""Curves as SVG for the page, drawn from their numbers alone, so that equal runs give equal bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.stage import Context

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 360, 190, 52, 10, 24, 26
MOST_POINTS = 240
QUANTITIES = (("loss", "Loss"), ("grad_norm", "Gradient norm"), ("lr", "Learning rate"))


@dataclass(frozen=True)
class Run:
    """One training run: its name and its events, in order of steps."""

    name: str
    events: Sequence[dict[str, float]]


@dataclass(frozen=True)
class MaskCurves:
    """Quality by the error of the given masks.

    Attributes:
        names: what each line is of, in order.
        charts: an SVG for each metric.
    """

    names: Sequence[str]
    charts: Sequence[str]


def find_runs(ctx: Context, trained: Mapping[str, Sequence[str]], seeds: Sequence[int]) -> dict[str, list[Run]]:
    """The training runs of the evaluated methods, by phase; phases without any are left out.

    Args:
        trained: the variants of each training phase.
        seeds: training seeds.
    """
    patterns = {"backbones": ["events/*.jsonl"]}
    for phase, variants in trained.items():
        patterns[phase] = [f"{variant}/seed{seed}/events.jsonl" for variant in variants for seed in seeds]
    found: dict[str, list[Run]] = {}
    for phase, wanted in patterns.items():
        for path in sorted(p for pattern in wanted for p in (ctx.results / phase).glob(pattern)):
            inside = path.relative_to(ctx.results / phase)
            name = path.stem if phase == "backbones" else inside.parent.as_posix()
            if events := _read(path):
                found.setdefault(phase, []).append(Run(name, events))
    return found


def _read(path: Path) -> list[dict[str, float]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except ValueError as error:
        raise BadInput(f"{path} is not JSON with one event per line ({error}); run its phase again.") from None


def charts(runs: Sequence[Run]) -> list[str]:
    """An SVG for each quantity that the runs recorded, with one line per run."""
    out = []
    for key, title in QUANTITIES:
        lines = [[(e["step"], e[key]) for e in run.events if key in e and math.isfinite(e[key])] for run in runs]
        if any(lines):
            out.append(line_chart(title, "step", [_thin(line) for line in lines]))
    return out


def _thin(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A long curve as means of equal bins, which keeps the page small and looks the same."""
    size = math.ceil(len(points) / MOST_POINTS)
    bins = [points[i : i + size] for i in range(0, len(points), size)] if points else []
    return [(sum(x for x, _ in b) / len(b), sum(y for _, y in b) / len(b)) for b in bins]


def line_chart(title: str, by: str, lines: Sequence[Sequence[tuple[float, float]]]) -> str:
    """A chart with one line for each sequence of points, drawn as a dot where there is one point.

    Args:
        title: of the quantity upwards.
        by: the quantity to the right, which begins at zero.
        lines: points ``(x, y)`` of finite numbers; at least one point in all.
    """
    xs = [x for line in lines for x, _ in line]
    ys = [y for line in lines for _, y in line]
    x_ticks, y_ticks = _ticks(0, max(xs)), _ticks(min(0, *ys), max(ys))
    right, low, high = max(x_ticks[-1], *xs), y_ticks[0], max(y_ticks[-1], *ys)

    def at(x: float, y: float) -> tuple[str, str]:
        across = LEFT + (WIDTH - LEFT - RIGHT) * x / (right or 1)
        down = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - low) / ((high - low) or 1)
        return f"{across:.1f}", f"{down:.1f}"

    label = escape(f"{title} by {by}")
    parts = [f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">']
    parts.append(f'<text class="title" x="{LEFT}" y="14">{escape(title)}</text>')
    for tick in y_ticks:
        _, y_at = at(0, tick)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y_at}" y2="{y_at}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y_at}" dy="4" text-anchor="end">{tick:g}</text>')
    for tick in x_ticks:
        x_at, _ = at(tick, low)
        parts.append(f'<text class="tick" x="{x_at}" y="{HEIGHT - 8}" text-anchor="middle">{tick:g}</text>')
    for number, line in enumerate(lines):
        if len(line) == 1:
            x_at, y_at = at(*line[0])
            parts.append(f'<circle class="dot c{number % 6}" cx="{x_at}" cy="{y_at}" r="3"/>')
        elif line:
            points = " ".join(",".join(at(x, y)) for x, y in line)
            parts.append(f'<polyline class="line c{number % 6}" points="{points}"/>')
    parts.append("</svg>")
    return "".join(parts)


def _ticks(low: float, high: float) -> list[float]:
    """About three to six round numbers from at most ``low`` to at most ``high``; always at least two.

    >>> _ticks(0, 1.1)
    [0.0, 0.5, 1.0]
    """
    if high <= low:
        high = low + 1
    rough = (high - low) / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{i * step:.10g}") for i in range(first, max(last, first + 1) + 1)]
