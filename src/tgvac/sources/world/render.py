"""Drawing polygons with shading and smooth edges, and joining layers; pure functions of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from tgvac.sources.world.shapes import RGB, Points

Image: TypeAlias = npt.NDArray[np.uint8]
Plane: TypeAlias = npt.NDArray[np.float32]
Mask: TypeAlias = npt.NDArray[np.bool_]

SAMPLES = 4
"""Samples along each side of a pixel."""
VOID = 255
"""The annotation value of pixels between two touching objects, which belong to neither."""
_BITS = 4
"""Fractional bits of the coordinates that OpenCV is given."""


class Paint(NamedTuple):
    """One polygon in pixels, ready to be drawn."""

    outline_N2: Points
    colour: RGB
    lined: bool


class Layer(NamedTuple):
    """One object alone."""

    rgb_HW3: Plane
    """float32, 0 to 255, already multiplied by alpha."""
    alpha_HW: Plane
    """Coverage, float32, 0 to 1."""


def draw(paints: Sequence[Paint], line: float, height: int, width: int) -> Layer:
    """Draw one object, back to front, with a vertical gradient per part and a darker outline.

    Args:
        paints: polygons in pixels; parts outside of the frame are cut off.
        line: width of the outline in pixels.
        height: of the frame.
        width: of the frame.

    Returns:
        The layer, (height, width).
    """
    rgb_HW3 = np.zeros((height, width, 3), np.float32)
    alpha_HW = np.zeros((height, width), np.float32)
    points_N2 = np.concatenate([paint.outline_N2 for paint in paints])
    x0, y0 = np.clip(np.floor(points_N2.min(axis=0) - line - 1), 0, (width, height)).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(points_N2.max(axis=0) + line + 1), 0, (width, height)).astype(int).tolist()
    if x0 >= x1 or y0 >= y1:
        return Layer(rgb_HW3, alpha_HW)
    # Only the box around the object is drawn finely; its corner lies on a whole pixel.
    fine_rgb_HW3 = np.zeros(((y1 - y0) * SAMPLES, (x1 - x0) * SAMPLES, 3), np.uint8)
    fine_alpha_HW = np.zeros(fine_rgb_HW3.shape[:2], np.uint8)
    thick = max(1, round(line * SAMPLES))
    for paint in paints:
        fine_N2 = (paint.outline_N2 - (x0, y0)) * SAMPLES
        _fill(fine_rgb_HW3, fine_alpha_HW, fine_N2, paint.colour)
        if paint.lined:
            dark = tuple(int(0.42 * channel) for channel in paint.colour)
            corners = [_fixed(fine_N2)]
            cv2.polylines(fine_rgb_HW3, corners, True, dark, thick, cv2.LINE_8, _BITS)
            cv2.polylines(fine_alpha_HW, corners, True, 255, thick, cv2.LINE_8, _BITS)
    size = (x1 - x0, y1 - y0)
    alpha_HW[y0:y1, x0:x1] = cv2.resize(fine_alpha_HW.astype(np.float32), size, interpolation=cv2.INTER_AREA) / 255.0
    rgb_HW3[y0:y1, x0:x1] = cv2.resize(fine_rgb_HW3.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return Layer(rgb_HW3, alpha_HW)


def _fixed(points_N2: Points) -> npt.NDArray[np.int32]:
    """Fixed-point coordinates, in which the centre of pixel 0 is 0."""
    fixed_N2: npt.NDArray[np.int32] = np.round((points_N2 - 0.5) * 2**_BITS).astype(np.int32)
    return fixed_N2


def _fill(rgb_HW3: Image, alpha_HW: Image, points_N2: Points, colour: RGB) -> None:
    """Fill one polygon in place, lighter at its top and darker at its bottom."""
    height, width = alpha_HW.shape
    top, bottom = points_N2[:, 1].min(), points_N2[:, 1].max()
    x0, y0 = np.clip(np.floor(points_N2.min(axis=0)) - 1, 0, (width, height)).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(points_N2.max(axis=0)) + 2, 0, (width, height)).astype(int).tolist()
    if x0 >= x1 or y0 >= y1:
        return
    inside_HW = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillPoly(inside_HW, [_fixed(points_N2 - (x0, y0))], 1, cv2.LINE_8, _BITS)
    down_H = np.clip((np.arange(y0, y1) - top) / max(bottom - top, 1.0), 0.0, 1.0)
    light_H = 1.14 - 0.32 * down_H
    rows_H13 = np.clip(light_H[:, None, None] * np.array(colour, np.float64), 0, 255).astype(np.uint8)
    np.copyto(rgb_HW3[y0:y1, x0:x1], rows_H13, where=inside_HW[..., None].astype(bool))
    alpha_HW[y0:y1, x0:x1][inside_HW > 0] = 255


def amodal(layer: Layer) -> Mask:
    """The amodal mask, bool (H, W): the pixels of which the object covers at least half."""
    mask_HW: Mask = layer.alpha_HW >= 0.5
    return mask_HW


def silhouette(paints: Sequence[Paint], height: int, width: int) -> Mask:
    """A quick, coarse mask (height, width) of an object without its outline; for planning only."""
    inside_HW = np.zeros((height, width), np.uint8)
    for paint in paints:
        cv2.fillPoly(inside_HW, [_fixed(paint.outline_N2)], 1, cv2.LINE_8, _BITS)
    return inside_HW.astype(bool)


def composite(backdrop_HW3: Image, layers: Sequence[Layer]) -> Image:
    """The frame, uint8 (H, W, 3): layers over a backdrop, back to front."""
    frame_HW3 = backdrop_HW3.astype(np.float32)
    for layer in layers:
        frame_HW3 = frame_HW3 * (1.0 - layer.alpha_HW[..., None]) + layer.rgb_HW3
    return np.clip(np.rint(frame_HW3), 0, 255).astype(np.uint8)


def annotate(masks: Sequence[Mask], order: Sequence[int]) -> Image:
    """The annotation of a frame, uint8 (H, W): 0 background, k + 1 the visible part of mask k, 255 void.

    Args:
        masks: amodal masks (H, W), object 1 first.
        order: indices of the masks, back to front.

    Returns:
        The annotation. Where two objects touch, the pixels of the one behind are void, one pixel wide.
    """
    ids_HW = np.zeros(masks[0].shape, np.uint8)
    for index in order:
        front_HW = masks[index]
        rim_HW = cv2.dilate(front_HW.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~front_HW
        ids_HW[rim_HW & (ids_HW > 0)] = VOID
        ids_HW[front_HW] = index + 1
    return ids_HW
