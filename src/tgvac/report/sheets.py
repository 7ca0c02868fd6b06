"""A sheet of many samples: each has a few pictures side by side, below two lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tgvac.clips.images import resize_rgb
from tgvac.report.strips import GAP, LINE, QUIET, Canvas, width_of


class Tiles(NamedTuple):
    """One sample on a sheet: two lines of text, and pictures ``uint8 [H,W,3]``."""

    name: str
    note: str
    pictures: Sequence[np.ndarray]


def sheet(samples: Sequence[Tiles], columns: int, side: int) -> np.ndarray:
    """The sheet, ``uint8 [H,W,3]``, filled row by row; all samples have equally many pictures, scaled to ``side``."""
    small = [[fitted(picture, side) for picture in each.pictures] for each in samples]
    height = max(picture.shape[0] for pictures in small for picture in pictures)
    width = max(picture.shape[1] for pictures in small for picture in pictures)
    text = max(width_of(line) for each in samples for line in (each.name, each.note))
    cell = max(len(small[0]) * (width + GAP), text) + 2 * GAP
    columns, tall = min(columns, len(samples)), height + 3 * LINE
    canvas = Canvas(-(-len(samples) // columns) * tall + GAP, columns * cell + GAP)
    for n, (each, pictures) in enumerate(zip(samples, small, strict=True)):
        x, y = 2 * GAP + (n % columns) * cell, GAP + (n // columns) * tall
        canvas.text([each.name], x, y)
        canvas.text([each.note], x, y + LINE, QUIET)
        for k, picture_HW3 in enumerate(pictures):
            canvas.tile(picture_HW3, x + k * (width + GAP), y + 2 * LINE + 2, 1)
    return canvas.pixels()


def fitted(picture_HW3: np.ndarray, side: int) -> np.ndarray:
    """A picture whose longer side is at most ``side``: enlarged by a whole factor, or shrunk."""
    height, width = picture_HW3.shape[:2]
    longer = max(height, width)
    if longer > side:
        return resize_rgb(picture_HW3, max(1, round(height * side / longer)), max(1, round(width * side / longer)))
    zoom = side // longer
    return np.repeat(np.repeat(picture_HW3, zoom, axis=0), zoom, axis=1)
