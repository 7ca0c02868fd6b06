"""Which square of a frame is painted next, and what of it: the rules of crop, hole and stop of ProgressiveAmodal."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from tgvac.clips.box import Box
from tgvac.clips.framing import Window
from tgvac.progressive.canvas import Canvas
from tgvac.progressive.params import ProgressiveParams


class Region(NamedTuple):
    """A square to be painted, and the hole in it, ``uint8 [H,W]`` in {0, 255} of a canvas that has room for it."""

    canvas: Canvas
    window: Window
    hole_HW: np.ndarray


class Sides(NamedTuple):
    """Sides of a rectangle."""

    top: bool
    bottom: bool
    left: bool
    right: bool


def next_region(canvas: Canvas, params: ProgressiveParams) -> Region | None:
    """What is painted next; None if the object is whole, is not there, or nothing is left to paint around it.

    It is whole when no occluder touches it and it touches no border of what is known. The authors' code keeps the first
    square for all iterations, where a second one has nothing to paint; here the square follows what was found, as their
    paper says.
    """
    touched, grow = touched_sides(canvas, params), grow_of(canvas, params)
    occluder_HW = in_contact(canvas.occluder_HW, canvas.object_HW, max(1, grow))
    if not canvas.object_HW.any() or not (any(touched) or occluder_HW.any()):
        return None
    window = window_of(canvas, touched, params)
    wide = canvas.widened(window)
    occluder_HW = in_contact(wide.occluder_HW, wide.object_HW, max(1, grow))
    top, left = window.top + wide.top, window.left + wide.left
    part = slice(top, top + window.side), slice(left, left + window.side)
    missing_HW = occluder_HW | wide.unknown_HW
    return Region(wide, window, grown(missing_HW, grow)) if missing_HW[part].any() else None


def grow_of(canvas: Canvas, params: ProgressiveParams) -> int:
    """How far holes are grown, in pixels."""
    return params.pixels(params.grow, canvas.height, canvas.width)


def touched_sides(canvas: Canvas, params: ProgressiveParams) -> Sides:
    """The sides of what is known that the object touches."""
    box, known = Box.of_mask(canvas.object_HW), canvas.known
    if box is None:
        return Sides(False, False, False, False)
    gap = params.pixels(params.gap, canvas.height, canvas.width)
    top, left = int(box.y) - canvas.top, int(box.x) - canvas.left
    bottom, right = top + int(box.h), left + int(box.w)
    return Sides(
        top - known.top <= gap, known.bottom - bottom <= gap, left - known.left <= gap, known.right - right <= gap
    )


def window_of(canvas: Canvas, touched: Sides, params: ProgressiveParams) -> Window:
    """The object's box with its margins, made square about its middle; only the margins end at the canvas."""
    box = Box.of_mask(canvas.object_HW)
    assert box is not None
    margin, more = (params.pixels(each, canvas.height, canvas.width) for each in (params.margin, params.touched_margin))
    room_y, room_x = (math.floor(side * (params.canvas - 1) / 2) for side in (canvas.height, canvas.width))
    top, left = int(box.y) - canvas.top, int(box.x) - canvas.left
    bottom, right = top + int(box.h), left + int(box.w)
    top = max(top - margin - more * touched.top, -room_y)
    left = max(left - margin - more * touched.left, -room_x)
    bottom = min(bottom + margin + more * touched.bottom, canvas.height + room_y)
    right = min(right + margin + more * touched.right, canvas.width + room_x)
    side = max(bottom - top, right - left)
    return Window(top - (side - bottom + top) // 2, left - (side - right + left) // 2, side)


def in_contact(mask_HW: np.ndarray, object_HW: np.ndarray, near: int) -> np.ndarray:
    """The parts of a mask that come as near as ``near`` pixels to the object; the others hide nothing of it."""
    if not mask_HW.any() or not object_HW.any():
        return np.zeros_like(mask_HW)
    _, parts_HW = cv2.connectedComponents(mask_HW, connectivity=8)
    found = np.unique(parts_HW[(grown(object_HW, near) > 0) & (mask_HW > 0)])
    return np.where(np.isin(parts_HW, found) & (mask_HW > 0), 255, 0).astype(np.uint8)


def grown(mask_HW: np.ndarray, by: int) -> np.ndarray:
    """A mask grown by a square of this radius: a kernel of 5 x 5, three times, has a radius of 6."""
    return np.asarray(cv2.dilate(mask_HW, np.ones((2 * by + 1, 2 * by + 1), np.uint8)))
