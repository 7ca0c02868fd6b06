"""Draw an object's polygons with shading and smooth edges, and composite it into a frame; pure array functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from tgvac.world.shapes import RGB, Points

Image: TypeAlias = npt.NDArray[np.uint8]
Plane: TypeAlias = npt.NDArray[np.float32]
Mask: TypeAlias = npt.NDArray[np.bool_]

SAMPLES = 4
"""Samples along each side of a pixel."""
_BITS = 4
"""Fractional bits of the coordinates passed to OpenCV."""


class Paint(NamedTuple):
    """One polygon in pixels, ready to be drawn."""

    outline_N2: Points
    colour: RGB
    lined: bool
    marks: tuple[Points, ...] = ()
    """Polygons of a pattern, drawn inside the outline only."""
    mark_colour: RGB = (0, 0, 0)


def shaded(colour: RGB, shade: float) -> RGB:
    """A colour times a brightness factor."""
    red, green, blue = (min(255, round(channel * shade)) for channel in colour)
    return red, green, blue


class Layer(NamedTuple):
    """One object alone, in its bounding box; h and w are the size of the box."""

    box: tuple[int, int, int, int]
    """Left, top, right, bottom in pixels of the frame; the last two are exclusive."""
    rgb_hw3: Plane
    """float32, 0 to 255, already multiplied by alpha."""
    alpha_hw: Plane
    """Coverage, float32, 0 to 1."""


def draw(paints: Sequence[Paint], line: float, light: float, height: int, width: int) -> Layer:
    """Draw one object, back to front, lit from one side, with a darker outline and smooth edges.

    Args:
        paints: polygons in pixels; parts outside the frame are clipped.
        line: width of the outline in pixels.
        light: direction of the light, in radians from straight above, positive to the right.
        height: of the frame.
        width: of the frame.

    Returns:
        The layer; its box is empty if the object is outside the frame.
    """
    points_N2 = np.concatenate([paint.outline_N2 for paint in paints])
    low_2, high_2 = points_N2.min(axis=0) - line - 1, points_N2.max(axis=0) + line + 1
    x0, y0 = np.clip(np.floor(low_2), 0, (width, height)).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(high_2), 0, (width, height)).astype(int).tolist()
    if x0 >= x1 or y0 >= y1:
        return Layer((0, 0, 0, 0), np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), np.float32))
    # Only the bounding box is drawn at the fine resolution; its corner is on a whole pixel.
    fine_rgb_HW3 = np.zeros(((y1 - y0) * SAMPLES, (x1 - x0) * SAMPLES, 3), np.uint8)
    fine_alpha_HW = np.zeros(fine_rgb_HW3.shape[:2], np.uint8)
    thick = max(1, round(line * SAMPLES))
    for paint in paints:
        fine_N2 = (paint.outline_N2 - (x0, y0)) * SAMPLES
        _fill(fine_rgb_HW3, fine_alpha_HW, fine_N2, paint, (x0, y0))
        if paint.lined:
            dark = tuple(int(0.42 * channel) for channel in paint.colour)
            corners = [_fixed(fine_N2)]
            cv2.polylines(fine_rgb_HW3, corners, True, dark, thick, cv2.LINE_8, _BITS)
            cv2.polylines(fine_alpha_HW, corners, True, 255, thick, cv2.LINE_8, _BITS)
    size = (x1 - x0, y1 - y0)
    alpha_hw = cv2.resize(fine_alpha_HW, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255.0)
    rgb_hw3 = cv2.resize(fine_rgb_HW3, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    extent = float(max(high_2 - low_2))
    _light(rgb_hw3, alpha_hw, light, extent, ((low_2 + high_2) / 2 - (x0, y0)).tolist())
    return Layer((x0, y0, x1, y1), rgb_hw3, alpha_hw)


def _light(rgb_hw3: Plane, alpha_hw: Plane, light: float, extent: float, centre: Sequence[float]) -> None:
    """Light an object from one side, in place: a ramp over the object, a bright rim there, a dark rim opposite."""
    to_x, to_y = math.sin(light), -math.cos(light)
    h, w = alpha_hw.shape
    across_w = (np.arange(w, dtype=np.float32) - np.float32(centre[0])) * np.float32(0.3 * to_x / extent)
    down_h = (np.arange(h, dtype=np.float32) - np.float32(centre[1])) * np.float32(0.12 * to_y / extent)
    gain_hw = np.float32(1.0) + across_w[None, :] + down_h[:, None]
    # The edge is lit where the blurred silhouette, shifted away from the light, no longer covers the object.
    step = max(1.0, 0.035 * extent)
    blurred_hw = cv2.GaussianBlur(alpha_hw, (0, 0), step, borderType=cv2.BORDER_REPLICATE)
    size, border = (w, h), cv2.BORDER_REPLICATE
    toward_hw, away_hw = (
        cv2.warpAffine(blurred_hw, np.array([[1.0, 0.0, s * to_x * step], [0.0, 1.0, s * to_y * step]]), size,
                       flags=cv2.INTER_LINEAR, borderMode=border)
        for s in (1.0, -1.0)
    )  # fmt: skip
    gain_hw += np.float32(0.3) * (toward_hw - away_hw)
    rgb_hw3 *= gain_hw[..., None]
    np.minimum(rgb_hw3, np.float32(255.0) * alpha_hw[..., None], out=rgb_hw3)


def _fixed(points_N2: Points) -> npt.NDArray[np.int32]:
    """Fixed-point coordinates, where the centre of pixel 0 is 0."""
    fixed_N2: npt.NDArray[np.int32] = np.round((points_N2 - 0.5) * 2**_BITS).astype(np.int32)
    return fixed_N2


def _fill(rgb_HW3: Image, alpha_HW: Image, points_N2: Points, paint: Paint, corner: tuple[int, int]) -> None:
    """Fill one polygon and its marks in place, lighter at its top and darker at its bottom.

    Args:
        rgb_HW3, alpha_HW: the fine canvas.
        points_N2: the outline on the fine canvas.
        paint: colours and marks; the marks are in pixels of the frame.
        corner: the canvas's corner in the frame.
    """
    height, width = alpha_HW.shape
    top, bottom = points_N2[:, 1].min(), points_N2[:, 1].max()
    x0, y0 = np.clip(np.floor(points_N2.min(axis=0)) - 1, 0, (width, height)).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(points_N2.max(axis=0)) + 2, 0, (width, height)).astype(int).tolist()
    if x0 >= x1 or y0 >= y1:
        return
    inside_HW = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillPoly(inside_HW, [_fixed(points_N2 - (x0, y0))], 255, cv2.LINE_8, _BITS)
    down_H = np.clip((np.arange(y0, y1) - top) / max(bottom - top, 1.0), 0.0, 1.0)
    light_H = 1.12 - 0.28 * down_H
    target_HW3 = rgb_HW3[y0:y1, x0:x1]
    _copy_rows(target_HW3, light_H, paint.colour, inside_HW)
    if paint.marks:
        marked_HW = np.zeros_like(inside_HW)
        origin_2 = np.array(corner) + np.array([x0, y0]) / SAMPLES
        for mark_N2 in paint.marks:
            cv2.fillPoly(marked_HW, [_fixed((mark_N2 - origin_2) * SAMPLES)], 255, cv2.LINE_8, _BITS)
        _copy_rows(target_HW3, light_H, paint.mark_colour, cv2.bitwise_and(marked_HW, inside_HW))
    alpha_HW[y0:y1, x0:x1] |= inside_HW


def _copy_rows(target_HW3: Image, light_H: npt.NDArray[np.float64], colour: RGB, where_HW: Image) -> None:
    """Colour the rows of a canvas, each with its own brightness, where a mask is not 0."""
    rows_H3 = np.clip(np.outer(light_H, colour), 0, 255).astype(np.uint8)
    rows_HW3 = cv2.repeat(rows_H3[:, None], 1, target_HW3.shape[1])
    cv2.copyTo(rows_HW3, where_HW, target_HW3)


def amodal(layer: Layer, height: int, width: int) -> Mask:
    """The amodal mask, bool (height, width): pixels that the object covers by at least half."""
    mask_HW = np.zeros((height, width), np.bool_)
    x0, y0, x1, y1 = layer.box
    mask_HW[y0:y1, x0:x1] = layer.alpha_hw >= 0.5
    return mask_HW


def silhouette(outlines: Sequence[Points], height: int, width: int) -> Mask:
    """A fast mask (height, width) of polygons without outlines, for planning only."""
    inside_HW = np.zeros((height, width), np.uint8)
    for outline_N2 in outlines:
        cv2.fillPoly(inside_HW, [_fixed(outline_N2)], 1, cv2.LINE_8, _BITS)
    return inside_HW.astype(np.bool_)


def composite(backdrop_HW3: Image, layers: Sequence[Layer]) -> Image:
    """The frame, uint8 (H, W, 3): layers over a backdrop, back to front."""
    frame_HW3 = backdrop_HW3.copy()
    for layer in layers:
        x0, y0, x1, y1 = layer.box
        behind_hw3 = frame_HW3[y0:y1, x0:x1].astype(np.float32)
        joined_hw3 = behind_hw3 * (1.0 - layer.alpha_hw[..., None]) + layer.rgb_hw3
        frame_HW3[y0:y1, x0:x1] = np.clip(np.rint(joined_hw3), 0, 255).astype(np.uint8)
    return frame_HW3
