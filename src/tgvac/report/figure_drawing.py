"""A figure as a still picture (rows are input, completions and truth; columns are frames) and as a video of panels.

All panels are in one video, so they start and stay together. A clip that is shorter than the longest of its figure
waits at its last frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tgvac.report.strips import GAP, LINE, QUIET, Canvas, Layer, draw_rows, enlarged, width_of, wrapped

NARROWEST = 128
"""Width in pixels that a panel has at least, for its name."""

CONTROLS = 48
"""Pixels left empty below the panels of a video, where a browser lays its controls over it."""


@dataclass(frozen=True)
class Part:
    """One sample of a figure.

    Attributes:
        text: what stands above it.
        detail: what stands in grey below that in the still picture; "" for nothing.
        layers: its rows; at least one has a video, and all videos have one shape.
        rate_F: occlusion rates of its frames, NaN where the object is absent.
    """

    text: str
    detail: str
    layers: Sequence[Layer]
    rate_F: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height and width of its videos."""
        frames, height, width = next(each.video_FHW3 for each in self.layers if each.video_FHW3 is not None).shape[:3]
        return int(frames), int(height), int(width)


@dataclass(frozen=True)
class _Panel:
    """A panel of the video: its name above it, and where its frames are."""

    layer: Layer
    name: list[str]
    x: int
    y: int


def still(parts: Sequence[Part], shown: int, zoom: int) -> np.ndarray:
    """The still picture, ``uint8 [H,W,3]``: the samples below each other."""
    heads = [[part.text, part.detail] if part.detail else [part.text] for part in parts]
    blocks = [draw_rows(head, part.layers, part.rate_F, shown, zoom) for head, part in zip(heads, parts, strict=True)]
    width = max(block.shape[1] for block in blocks)
    return np.concatenate(
        [np.pad(b, ((0, 2 * GAP), (0, width - b.shape[1]), (0, 0)), constant_values=255) for b in blocks]
    )


def moving(parts: Sequence[Part], zoom: int, columns: int = 8) -> np.ndarray:
    """The video, ``uint8 [F,H,W,3]``: for each sample its panels side by side, at most ``columns`` in a line."""
    cell = max(NARROWEST, *(part.shape[2] * zoom for part in parts)) + GAP
    width = GAP + cell * min(columns, max(len(part.layers) for part in parts))
    heads: list[tuple[list[str], int]] = []
    panels: list[_Panel] = []
    y = GAP
    for part in parts:
        heads.append((wrapped(part.text, width - 2 * GAP), y))
        y += LINE * len(heads[-1][0])
        for start in range(0, len(part.layers), columns):
            line = part.layers[start : start + columns]
            names = [wrapped(layer.label, cell - GAP) for layer in line]
            y += LINE * max(map(len, names)) + 2
            panels += [_Panel(*each, GAP + i * cell, y) for i, each in enumerate(zip(line, names, strict=True))]
            y += part.shape[1] * zoom + 2 * GAP
    canvas = Canvas(y + CONTROLS, width)
    for words, top in heads:
        canvas.text(words, GAP, top)
    for panel in panels:
        # From the panel upwards, since a neighbour's name may have more lines.
        for i, named in enumerate(reversed(panel.name)):
            canvas.text([named], panel.x + (cell - GAP - width_of(named)) // 2, panel.y - 2 - LINE * (i + 1), QUIET)
        video_FHW3 = panel.layer.video_FHW3
        canvas.tile(None if video_FHW3 is None else video_FHW3[0], panel.x, panel.y, zoom)
    out_FHW3 = np.repeat(canvas.pixels()[None], max(part.shape[0] for part in parts), axis=0)
    for panel in panels:
        if (video_FHW3 := panel.layer.video_FHW3) is None:
            continue
        for frame, out_HW3 in enumerate(out_FHW3):
            tile_HW3 = enlarged(video_FHW3[min(frame, len(video_FHW3) - 1)], zoom)
            height, wide = tile_HW3.shape[:2]
            out_HW3[panel.y : panel.y + height, panel.x : panel.x + wide] = tile_HW3
    return out_FHW3
