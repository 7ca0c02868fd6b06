"""Routes through the frame: the position, orientation and articulation phase of an object in each frame."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tgvac.world.creatures import Creature
from tgvac.world.shapes import Points, rotate
from tgvac.world.things import WHEEL_RADIUS

LINE = 0.045
"""Width of the dark outline, in object units; half of it is outside the polygons."""


class Pose(NamedTuple):
    """The pose of one object in one frame."""

    x: float
    """Column of the object's origin, in pixels."""
    y: float
    """Row of the object's origin, in pixels."""
    scale: float
    """Pixels per object unit."""
    facing: float
    """1 faces right, -1 left; in between, the object is turning around."""
    tilt: float
    """Radians, nose down."""
    phase: float
    """Articulation phase in radians."""
    stretch: float
    """Factor of its length; its height is divided by it."""


class Route(NamedTuple):
    """The requirements of a route through the frame."""

    path: str
    """``across``, ``turn`` or ``oscillate``."""
    heading: int
    """1 starts towards the right, -1 towards the left."""
    size: float
    """Mean bounding box (square root of its area) over the frame's smaller side."""
    reach: float
    """Share of the available width that is used, 0 to 1."""
    level: float
    """Mean vertical position, -1 (top of the available height) to 1 (bottom)."""
    outside: tuple[float, float] = (0.0, 0.0)
    """How far the route extends beyond the frame at its start and far end, as shares of the object's width."""
    lane: tuple[float, float] = (0.0, 1.0)
    """Left and right end of the available range, as shares of the frame width."""
    widest: float = 0.8
    """Largest share of the lane that the object may fill, so that it has space to move."""
    delay: float = 0.0
    """Share of the time that it waits at the start."""


def placed(points_N2: Points, pose: Pose) -> Points:
    """Convert object coordinates (N, 2) to pixels (N, 2): x to the right, y down, pixel (0, 0) spans 0 to 1."""
    grown_N2 = points_N2 * np.array([pose.stretch, 1.0 / pose.stretch])
    turned_N2 = rotate(grown_N2, pose.tilt) * np.array([pose.facing, 1.0])
    pixels_N2: Points = turned_N2 * pose.scale + np.array([pose.x, pose.y])
    return pixels_N2


def plan(
    creature: Creature,
    stretch: float,
    route: Route,
    generator: np.random.Generator,
    *,
    frames: int,
    height: int,
    width: int,
) -> list[Pose]:
    """The poses of an object over a video.

    Unless the route goes ``outside``, the whole object stays inside its lane in every frame, with a margin of 1/40 of
    the smaller side, at least 2 pixels.
    """
    small = min(height, width)
    margin = max(2.0, small / 40)
    lane_lo, lane_hi = route.lane[0] * width, route.lane[1] * width
    time_F = np.linspace(0.0, 1.0, frames)
    lively = creature.motion in ("swim", "fly")
    period = generator.uniform(16, 26) if creature.motion in ("sway", "turn") else generator.uniform(8, 14)
    phase_F = generator.uniform(0.0, 2 * math.pi) + 2 * math.pi * np.arange(frames) / period
    if creature.motion == "roll":
        phase_F = np.zeros(frames)
    angle_F = 2 * math.pi * (generator.uniform(0.8, 1.6) * time_F + generator.uniform())
    wave_F = np.sin(angle_F)
    # The nose points down while the object sinks.
    tilt_F = (0.12 if lively else 0.0) * np.cos(angle_F)
    zoom_F = 1.0 - 0.05 * (1.0 + np.sin(2 * math.pi * (generator.uniform(0.4, 1.0) * time_F + generator.uniform())))
    since_F = np.clip((time_F - route.delay) / (1.0 - route.delay), 0.0, 1.0)
    across_F, facing_F = _course(route, since_F, creature.rooted, generator.uniform())

    unit_F = [Pose(0.0, 0.0, *values, stretch) for values in zip(zoom_F, facing_F, tilt_F, phase_F, strict=True)]
    box_F4 = np.array([_box(creature, pose) for pose in unit_F])
    left, top = box_F4[:, :2].min(axis=0)
    right, bottom = box_F4[:, 2:].max(axis=0)
    mean_area = float(np.prod(box_F4[:, 2:] - box_F4[:, :2], axis=1).mean())
    scale = min(
        route.size * small / math.sqrt(mean_area),
        # This leaves space for the motion and the margin.
        route.widest * (lane_hi - lane_lo - 2 * margin) / (right - left),
        0.92 * (height - 2 * margin) / (bottom - top),
    )
    before, after = (share * ((right - left) * scale + margin) for share in route.outside[:: route.heading])
    x_lo, x_hi = lane_lo + margin - left * scale - before, lane_hi - margin - right * scale + after
    y_lo, y_hi = margin - top * scale, height - margin - bottom * scale
    bob = 0.35 if creature.motion == "fly" else 0.2 if lively else 0.0
    rise_F = np.clip(route.level + bob * wave_F, -1.0, 1.0)
    x_F = (x_lo + x_hi) / 2 + across_F * (x_hi - x_lo) / 2
    y_F = (y_lo + y_hi) / 2 + rise_F * (y_hi - y_lo) / 2
    if creature.motion == "roll":
        phase_F = (x_F - x_F[0]) * facing_F / (WHEEL_RADIUS * scale)
    columns_F6 = np.stack([x_F, y_F, zoom_F * scale, facing_F, tilt_F, phase_F], axis=1)
    return [Pose(x, y, grown, facing, tilt, phase, stretch) for x, y, grown, facing, tilt, phase in columns_F6.tolist()]


def _course(
    route: Route, time_F: npt.NDArray[np.float64], rooted: bool, start: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Horizontal position (-1 to 1 of the available range, times reach) and facing, one number per frame each."""
    ahead_F = np.full_like(time_F, route.heading)
    if route.path == "across":
        return route.heading * route.reach * (2 * time_F - 1), ahead_F
    if route.path == "oscillate":
        swing = 0.35 if rooted else 0.75
        return swing * route.reach * np.sin(2 * math.pi * (1.2 * time_F + start)) * route.heading, ahead_F
    if route.path == "turn":
        angle_F = 2 * math.pi * (0.03 + 0.94 * time_F)
        facing_F = np.clip(np.sin(angle_F) / 0.18, -1.0, 1.0)
        # Seen from the front, an object is narrow but never a line.
        facing_F = np.where(facing_F >= 0, 1.0, -1.0) * np.maximum(np.abs(facing_F), 0.25)
        return -route.heading * route.reach * np.cos(angle_F), route.heading * facing_F
    raise ValueError(f"path is {route.path!r}; known are 'across', 'turn' and 'oscillate'")


def _box(creature: Creature, pose: Pose) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the drawn object relative to its origin, in units of the scale."""
    points_N2 = np.concatenate([placed(part.outline_N2, pose) for part in creature.draw(pose.phase)])
    (left, top), (right, bottom) = points_N2.min(axis=0) - LINE, points_N2.max(axis=0) + LINE
    return float(left), float(top), float(right), float(bottom)
