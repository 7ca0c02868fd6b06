"""Outlines in object coordinates: x to the front of the creature, y down, about 2 units long.

Every outline is a closed polygon, float64 of shape (N, 2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Points: TypeAlias = npt.NDArray[np.float64]
RGB: TypeAlias = tuple[int, int, int]


class Part(NamedTuple):
    """One polygon of a creature; the parts of a creature are drawn in order, back to front."""

    name: str
    """The part's name in captions; several polygons may share one, such as ``wings``."""
    outline_N2: Points
    colour: RGB | None = None
    """A fixed colour, such as that of an eye; ``None`` uses the individual's colour for this name."""
    shade: float = 1.0
    """Brightness factor: limbs on the far side are darker."""
    lined: bool = True
    """Whether the part has a darker outline; small parts have none."""


def polygon(*corners: tuple[float, float]) -> Points:
    """A polygon from its corners, float64 (N, 2)."""
    return np.array(corners, dtype=np.float64)


def ellipse(x: float, y: float, rx: float, ry: float, angle: float = 0.0, *, points: int = 28) -> Points:
    """An ellipse around (x, y), turned by ``angle`` radians; float64 (points, 2)."""
    turn = np.linspace(0.0, 2.0 * math.pi, points, endpoint=False)
    outline_N2 = np.stack([x + rx * np.cos(turn), y + ry * np.sin(turn)], axis=1)
    return rotate(outline_N2, angle, (x, y))


def rotate(points_N2: Points, angle: float, about: tuple[float, float] = (0.0, 0.0)) -> Points:
    """Turn points (N, 2) by ``angle`` radians about a point; a positive angle turns x towards y."""
    c, s = math.cos(angle), math.sin(angle)
    turn_22 = np.array([[c, s], [-s, c]])
    centre_2 = np.array(about)
    turned_N2: Points = (points_N2 - centre_2) @ turn_22 + centre_2
    return turned_N2


def smooth(*knots: tuple[float, float], steps: int = 6) -> Points:
    """A closed Catmull-Rom curve through the knots, float64 (len(knots) * steps, 2)."""
    p1_K2 = polygon(*knots)
    p0_K2, p2_K2, p3_K2 = (np.roll(p1_K2, shift, axis=0) for shift in (1, -1, -2))
    t_S1 = np.linspace(0.0, 1.0, steps, endpoint=False)[None, :, None]
    a, b, c, d = (p[:, None, :] for p in (p0_K2, p1_K2, p2_K2, p3_K2))
    curve_KS2: Points = 0.5 * (
        2 * b + (c - a) * t_S1 + (2 * a - 5 * b + 4 * c - d) * t_S1**2 + (3 * b - a - 3 * c + d) * t_S1**3
    )
    outline_N2: Points = curve_KS2.reshape(-1, 2)
    return outline_N2


def limb(start: tuple[float, float], end: tuple[float, float], r0: float, r1: float) -> Points:
    """A tapered capsule from ``start`` (radius ``r0``) to ``end`` (radius ``r1``), float64 (18, 2)."""
    along = math.atan2(end[1] - start[1], end[0] - start[0])
    half = np.linspace(-math.pi / 2, math.pi / 2, 9)
    tip_N2 = np.stack([end[0] + r1 * np.cos(along + half), end[1] + r1 * np.sin(along + half)], axis=1)
    back = half + math.pi
    root_N2 = np.stack([start[0] + r0 * np.cos(along + back), start[1] + r0 * np.sin(along + back)], axis=1)
    return np.concatenate([tip_N2, root_N2])


def ribbon(spine_N2: Points, radius_N: Sequence[float] | npt.NDArray[np.float64]) -> Points:
    """The outline of a band of given half-widths around a spine (N, 2); float64 (2N, 2)."""
    ahead_N2 = np.gradient(spine_N2, axis=0)
    ahead_N2 /= np.linalg.norm(ahead_N2, axis=1, keepdims=True)
    side_N2 = np.stack([-ahead_N2[:, 1], ahead_N2[:, 0]], axis=1) * np.asarray(radius_N)[:, None]
    return np.concatenate([spine_N2 + side_N2, (spine_N2 - side_N2)[::-1]])


def mirrored(points_N2: Points) -> Points:
    """The points (N, 2) with left and right exchanged."""
    flipped_N2: Points = points_N2 * np.array([-1.0, 1.0])
    return flipped_N2


def eye(x: float, y: float, radius: float) -> list[Part]:
    """A white eye with a dark pupil that looks ahead."""
    return [
        Part("eye", ellipse(x, y, radius, radius, points=16), (248, 248, 244), lined=False),
        Part("eye", ellipse(x + 0.25 * radius, y, 0.6 * radius, 0.6 * radius, points=14), (20, 20, 24), lined=False),
    ]
