"""The named colours of objects, the muted colours of backgrounds, and the distance between colours."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from tgvac.world.shapes import RGB

PALETTE: dict[str, RGB] = {
    "red": (214, 40, 40),
    "orange": (250, 140, 30),
    "yellow": (248, 214, 50),
    "green": (54, 158, 72),
    "turquoise": (44, 196, 190),
    "blue": (44, 88, 208),
    "purple": (128, 58, 168),
    "pink": (246, 142, 190),
    "brown": (126, 78, 44),
    "white": (240, 240, 236),
    "black": (48, 48, 54),
}

QUIET: tuple[RGB, ...] = (
    (176, 206, 228),
    (112, 148, 186),
    (206, 222, 200),
    (136, 164, 122),
    (88, 118, 92),
    (226, 208, 170),
    (186, 160, 122),
    (214, 190, 196),
    (158, 140, 164),
    (150, 154, 158),
    (96, 102, 116),
    (210, 210, 206),
)
"""Colours of backgrounds, more muted than those of objects."""


@functools.cache
def _lab(colour: RGB) -> tuple[float, float, float]:
    pixel_113 = np.array([[colour]], dtype=np.float32) / 255.0
    light, a, b = cv2.cvtColor(pixel_113, cv2.COLOR_RGB2LAB)[0, 0].tolist()
    return light, a, b


def distance(one: RGB, other: RGB) -> float:
    """The Euclidean distance of two colours in CIELAB, 0 to about 200; below 20 they look alike."""
    return float(np.linalg.norm(np.subtract(_lab(one), _lab(other))))


def clear_of(candidates: Sequence[RGB], taken: Iterable[RGB], least: float, at_least: int) -> list[RGB]:
    """The candidates with a distance of at least ``least`` from every taken colour, farthest first.

    If there are fewer than ``at_least``, the farthest ``at_least`` candidates are returned.
    """
    others = list(taken)
    gap = {colour: min((distance(colour, other) for other in others), default=float("inf")) for colour in candidates}
    ordered = sorted(candidates, key=lambda colour: (-gap[colour], colour))
    return [colour for k, colour in enumerate(ordered) if gap[colour] >= least or k < at_least]


def name_of(colour: RGB) -> str:
    """The name of a palette colour."""
    return next(name for name, value in PALETTE.items() if value == colour)
