"""A textured red square that moves before a green pattern, as a user's video: frames and masks on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.unit.layouts import write
from tgvac.clips.box import Box
from tgvac.clips.images import encode_png

HEIGHT, WIDTH, COUNT, SIDE = 96, 128, 8, 28


def at(i: int) -> tuple[slice, slice]:
    """Where the square is in frame ``i``."""
    return slice(30, 30 + SIDE), slice(20 + 4 * i, 20 + 4 * i + SIDE)


def box_at(i: int) -> Box:
    rows, columns = at(i)
    return Box(x=columns.start, y=rows.start, w=SIDE, h=SIDE)


def centre_at(i: int) -> tuple[float, float]:
    rows, columns = at(i)
    return columns.start + SIDE / 2, rows.start + SIDE / 2


def picture(i: int, shown: bool = True) -> np.ndarray:
    """Frame ``i``; without the square if it is not shown."""
    drawn = np.random.default_rng(5)
    frame_HW3 = np.full((HEIGHT, WIDTH, 3), (40, 120, 60), np.uint8) + drawn.integers(
        0, 30, (HEIGHT, WIDTH, 1), np.uint8
    )
    square = np.full((SIDE, SIDE, 3), (190, 40, 40), np.uint8) + drawn.integers(0, 60, (SIDE, SIDE, 1), np.uint8)
    if shown:
        frame_HW3[at(i)] = square
    return frame_HW3


def mask(i: int) -> np.ndarray:
    out_HW = np.zeros((HEIGHT, WIDTH), np.uint8)
    out_HW[at(i)] = 255
    return out_HW


def write_video(folder: Path, count: int = COUNT, hidden: range = range(0)) -> Path:
    """Write ``frames/`` and ``masks/`` of the square, which is not in the frames ``hidden``; returns the folder."""
    for i in range(count):
        shown = i not in hidden
        write(folder / "frames" / f"{i:04d}.png", encode_png(picture(i, shown)))
        write(folder / "masks" / f"{i:04d}.png", encode_png(mask(i) if shown else np.zeros_like(mask(i))))
    return folder


def iou(a_HW: np.ndarray, b_HW: np.ndarray) -> float:
    return float(((a_HW > 0) & (b_HW > 0)).sum() / ((a_HW > 0) | (b_HW > 0)).sum())
