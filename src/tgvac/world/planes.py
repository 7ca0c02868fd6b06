"""Planes of scenery at several depths: each drifts with the camera as its depth tells, and moves by itself."""

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
    """How far it goes with the camera's drift: 0 is at the horizon, above 1 is nearer than the objects."""
    sway: tuple[float, float] = (0.0, 0.0)
    """How far it moves by itself, pixels to each side and up and down."""
    period: float = 60.0
    """Frames of one movement."""
    start: float = 0.0
    """Radians: where in its movement it is in the first frame."""


class Camera(NamedTuple):
    """How the view drifts: to and fro along one direction."""

    reach: float
    """Pixels from the middle to the end of the drift."""
    angle: float
    """Radians: its direction."""
    start: float
    """Radians: where in the drift the first frame is."""
    period: float = 60.0
    """Frames there and back."""

    def at(self, frame: int) -> tuple[float, float]:
        """Where the view is in a frame, pixels right and down of the middle."""
        along = self.reach * math.sin(self.start + 2 * math.pi * frame / self.period)
        return math.cos(self.angle) * along, 0.4 * math.sin(self.angle) * along


def look(plane: Plane, camera: Camera, frame: int, height: int, width: int) -> Image:
    """The part of a plane that a frame shows, uint8 (height, width, 4); beyond its edge the edge goes on."""
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
    """A plane's view over what is behind it, uint8 (H, W, 3)."""
    clear_HW = cv2.bitwise_not(cv2.extractChannel(plane_HW4, 3))
    clear_HW3 = cv2.merge([clear_HW, clear_HW, clear_HW])
    dimmed_HW3 = cv2.multiply(behind_HW3, clear_HW3, scale=1 / 255)
    joined_HW3: Image = cv2.add(dimmed_HW3, cv2.cvtColor(plane_HW4, cv2.COLOR_RGBA2RGB))
    return joined_HW3


def view(planes: list[Plane], camera: Camera, frame: int, height: int, width: int) -> Image:
    """What a frame shows of all planes, back to front, uint8 (height, width, 3); the first has no gaps."""
    first, *others = planes
    seen_HW3: Image = cv2.cvtColor(look(first, camera, frame, height, width), cv2.COLOR_RGBA2RGB)
    for plane in others:
        seen_HW3 = over(seen_HW3, look(plane, camera, frame, height, width))
    return seen_HW3


def premultiplied(rgb_HW3: Field, alpha_HW: Field) -> Image:
    """A plane's picture, uint8 (H, W, 4), from colours of 0 to 255 and alpha of 0 to 1."""
    rgba_HW4 = np.concatenate([rgb_HW3 * alpha_HW[..., None], 255.0 * alpha_HW[..., None]], axis=2)
    picture_HW4: Image = np.clip(np.rint(rgba_HW4), 0, 255).astype(np.uint8)
    return picture_HW4
