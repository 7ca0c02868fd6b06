"""Ways through the frame: where an object is, how it is turned and how far its limbs have swung, frame by frame."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tgvac.world.creatures import Creature
from tgvac.world.shapes import Points, rotate
from tgvac.world.things import WHEEL_RADIUS

LINE = 0.045
"""Width of the dark outline, in object units; half of it lies outside of the polygons."""


class Pose(NamedTuple):
    """One object in one frame."""

    x: float
    """Column of the object's origin, in pixels."""
    y: float
    """Row of the object's origin, in pixels."""
    scale: float
    """Pixels per object unit."""
    facing: float
    """1 faces right, -1 left; in between the object is turning about."""
    tilt: float
    """Radians, nose down."""
    phase: float
    """Articulation phase in radians."""
    stretch: float
    """How much longer than drawn the individual is; it is as much lower."""


class Route(NamedTuple):
    """What is asked of a way through the frame."""

    path: str
    """``across``, ``turn`` or ``oscillate``."""
    heading: int
    """1 starts towards the right, -1 towards the left."""
    size: float
    """Mean bounding box (square root of its area) over the frame's smaller side."""
    reach: float
    """Share of the horizontal room that is used, 0 to 1."""
    level: float
    """Mean height, -1 (top of the vertical room) to 1 (bottom)."""
    outside: tuple[float, float] = (0.0, 0.0)
    """Shares of the object's width by which the room goes beyond the frame, where the way starts and at the far end."""
    lane: tuple[float, float] = (0.0, 1.0)
    """Left and right end of the room, as shares of the frame's width."""
    widest: float = 0.8
    """Share of the lane that the object may fill, so that there is a way to go."""
    delay: float = 0.0
    """Share of the time for which it waits at the start."""


def placed(points_N2: Points, pose: Pose) -> Points:
    """Object coordinates (N, 2) to pixels (N, 2): x to the right, y down, pixel (0, 0) spans 0 to 1."""
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

    Where nothing is asked ``outside``, the object stays whole inside its lane with a margin of a
    fortieth of the smaller side, at least 2 pixels, in every frame.
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
        # Room is left for the way itself, and for the margin.
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
    """Horizontal place (-1 to 1 of the room, times reach) and facing, one number per frame each."""
    ahead_F = np.full_like(time_F, route.heading)
    if route.path == "across":
        return route.heading * route.reach * (2 * time_F - 1), ahead_F
    if route.path == "oscillate":
        swing = 0.35 if rooted else 0.75
        return swing * route.reach * np.sin(2 * math.pi * (1.2 * time_F + start)) * route.heading, ahead_F
    if route.path == "turn":
        angle_F = 2 * math.pi * (0.03 + 0.94 * time_F)
        facing_F = np.clip(np.sin(angle_F) / 0.18, -1.0, 1.0)
        # Seen from the front an object is narrow, yet never a line.
        facing_F = np.where(facing_F >= 0, 1.0, -1.0) * np.maximum(np.abs(facing_F), 0.25)
        return -route.heading * route.reach * np.cos(angle_F), route.heading * facing_F
    raise ValueError(f"path is {route.path!r}; known are 'across', 'turn' and 'oscillate'")


def _box(creature: Creature, pose: Pose) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of everything that is drawn, around the origin, in units of the scale."""
    points_N2 = np.concatenate([placed(part.outline_N2, pose) for part in creature.draw(pose.phase)])
    (left, top), (right, bottom) = points_N2.min(axis=0) - LINE, points_N2.max(axis=0) + LINE
    return float(left), float(top), float(right), float(bottom)
