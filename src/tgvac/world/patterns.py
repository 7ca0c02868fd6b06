"""Stripes, spots and bands on a part: polygons that follow the part as it bends."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from tgvac.world.shapes import RGB, Points, ellipse, polygon, rotate

PATTERNS = ("striped", "spotted", "banded")


def marks(pattern: str, outline_N2: Points) -> list[Points]:
    """The polygons of a pattern over the bounding box of a part; drawing clips them to the part.

    Args:
        pattern: one of ``PATTERNS``.
        outline_N2: the part's outline in the pose for which the pattern is made.
    """
    low_2, high_2 = outline_N2.min(axis=0), outline_N2.max(axis=0)
    (x, y), (width, height) = ((low_2 + high_2) / 2).tolist(), (high_2 - low_2).tolist()
    span = max(width, height)
    # A part shows at least two or three marks, thick enough to be visible at 64 pixels.
    if pattern == "striped":
        bars = _bars(span, float(np.clip(span / 3.5, 0.15, 0.42)), 0.4)
        return [rotate(bar_N2, 0.45) + np.array([x, y]) for bar_N2 in bars]
    if pattern == "banded":
        bars = _bars(span, float(np.clip(span / 2.6, 0.2, 0.6)), 0.4)
        return [rotate(bar_N2, 0.0 if width >= height else np.pi / 2) + np.array([x, y]) for bar_N2 in bars]
    if pattern == "spotted":
        pitch = float(np.clip(span / 3.2, 0.2, 0.44))
        rows = int(np.ceil(span / pitch)) + 1
        return [
            ellipse(x + (k + 0.5 * (row % 2)) * pitch, y + 0.87 * row * pitch, 0.31 * pitch, 0.31 * pitch, points=12)
            for row in range(-rows, rows + 1)
            for k in range(-rows, rows + 1)
            if abs(k + 0.5 * (row % 2)) * pitch <= width / 2 + pitch and abs(0.87 * row) * pitch <= height / 2 + pitch
        ]
    raise ValueError(f"pattern is {pattern!r}; known are {', '.join(PATTERNS)}")


def _bars(span: float, pitch: float, share: float) -> list[Points]:
    """Upright bars around the origin, ``share`` of each ``pitch`` wide, over 1.5 times ``span`` each way."""
    count = int(np.ceil(0.75 * span / pitch))
    half, reach = 0.5 * share * pitch, 0.8 * span
    return [
        polygon((k * pitch - half, -reach), (k * pitch + half, -reach), (k * pitch + half, reach),
                (k * pitch - half, reach))
        for k in range(-count, count + 1)
    ]  # fmt: skip


def following(reference_N2: Points, posed_N2: Points, points_N2: list[Points]) -> list[Points]:
    """Move points along with a part, by the least-squares affine map from its reference outline to the posed one."""
    base_N3 = np.concatenate([reference_N2, np.ones((len(reference_N2), 1))], axis=1)
    move_32: npt.NDArray[np.float64] = np.linalg.lstsq(base_N3, posed_N2, rcond=None)[0]
    return [some_N2 @ move_32[:2] + move_32[2] for some_N2 in points_N2]


def tone(colour: RGB) -> RGB:
    """The colour of marks on a colour: a darker version, or a lighter one for dark colours."""
    pixel_113 = np.array([[colour]], dtype=np.uint8)
    light = int(cv2.cvtColor(pixel_113, cv2.COLOR_RGB2LAB)[0, 0, 0])
    if light > 110:
        red, green, blue = (round(0.5 * channel) for channel in colour)
    else:
        red, green, blue = (round(channel + 0.55 * (255 - channel)) for channel in colour)
    return red, green, blue
