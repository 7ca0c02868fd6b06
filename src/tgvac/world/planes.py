"""Planes of scenery at several depths. Each drifts with the camera according to its depth, and also moves by itself."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from tgvac.world.render import Image
from tgvac.world.textures import Field


class Plane(NamedTuple):
    """One plane of scenery, larger than the frame by ``pad`` pixels on each side."""

    rgba_HW4: Image
    """uint8, colours already multiplied by alpha."""
    depth: float = 1.0
    """Factor of the camera's drift: 0 is at the horizon, 1 is the plane of the objects, more is nearer."""
    sway: tuple[float, float] = (0.0, 0.0)
    """Amplitude of its own motion, in pixels: horizontal and vertical."""
    period: float = 60.0
    """Period of its own motion, in frames."""
    start: float = 0.0
    """Phase of its own motion in the first frame, in radians."""


class Camera(NamedTuple):
    """The drift of the view, back and forth along one direction."""

    reach: float
    """Amplitude in pixels."""
    angle: float
    """Direction in radians."""
    start: float
    """Phase in the first frame, in radians."""
    period: float = 60.0
    """Period in frames."""

    def at(self, frame: int) -> tuple[float, float]:
        """The offset of the view in a frame, in pixels to the right and down."""
        along = self.reach * math.sin(self.start + 2 * math.pi * frame / self.period)
        return math.cos(self.angle) * along, 0.4 * math.sin(self.angle) * along


def look(plane: Plane, camera: Camera, frame: int, height: int, width: int) -> Image:
    """The part of a plane that a frame shows, uint8 (height, width, 4); its border is replicated."""
    turn = plane.start + 2 * math.pi * frame / plane.period
    away_x, away_y = camera.at(frame)
    x = (plane.rgba_HW4.shape[1] - width) / 2 + plane.depth * away_x + plane.sway[0] * math.sin(turn)
    y = (plane.rgba_HW4.shape[0] - height) / 2 + plane.depth * away_y + plane.sway[1] * math.cos(turn)
    move_23 = np.array([[1.0, 0.0, -x], [0.0, 1.0, -y]])
    seen_HW4: Image = cv2.warpAffine(
        plane.rgba_HW4, move_23, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return seen_HW4


def over(behind_HW3: Image, plane_HW4: Image) -> Image:
    """Composite a plane over the image behind it, uint8 (H, W, 3)."""
    clear_HW = cv2.bitwise_not(cv2.extractChannel(plane_HW4, 3))
    clear_HW3 = cv2.merge([clear_HW, clear_HW, clear_HW])
    dimmed_HW3 = cv2.multiply(behind_HW3, clear_HW3, scale=1 / 255)
    joined_HW3: Image = cv2.add(dimmed_HW3, cv2.cvtColor(plane_HW4, cv2.COLOR_RGBA2RGB))
    return joined_HW3


def view(planes: list[Plane], camera: Camera, frame: int, height: int, width: int) -> Image:
    """All planes in a frame, composited back to front, uint8 (height, width, 3); the first must be opaque."""
    first, *others = planes
    seen_HW3: Image = cv2.cvtColor(look(first, camera, frame, height, width), cv2.COLOR_RGBA2RGB)
    for plane in others:
        seen_HW3 = over(seen_HW3, look(plane, camera, frame, height, width))
    return seen_HW3


def premultiplied(rgb_HW3: Field, alpha_HW: Field) -> Image:
    """The premultiplied image of a plane, uint8 (H, W, 4), from colours in [0, 255] and alpha in [0, 1]."""
    rgba_HW4 = np.concatenate([rgb_HW3 * alpha_HW[..., None], 255.0 * alpha_HW[..., None]], axis=2)
    picture_HW4: Image = np.clip(np.rint(rgba_HW4), 0, 255).astype(np.uint8)
    return picture_HW4
