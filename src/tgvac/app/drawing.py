"""Pictures of the page: a frame with the tracked mask and the visitor's marks, and masks from painted strokes."""

from __future__ import annotations

import cv2
import numpy as np

from tgvac.clips.images import resize_mask
from tgvac.tracking.prompts import Point, Prompt

# Shapes: H, W of a picture as the page shows it.

SMALLEST, LARGEST = 640, 960
"""Pixels of the longer side of a shown frame."""

_MASK, _OBJECT, _OTHER = (255, 64, 64), (20, 150, 60), (190, 30, 120)
_WHITE = (255, 255, 255)
_PARTS = 8
"""Bits behind the point of OpenCV's coordinates."""


def shown_size(height: int, width: int) -> tuple[int, int]:
    """Height and width in which the page shows a video; small ones are enlarged, so that one can aim."""
    long = max(height, width)
    factor = min(max(long, SMALLEST), LARGEST) / long
    return max(1, round(height * factor)), max(1, round(width * factor))


def in_video(x: float, y: float, shown: tuple[int, int], size: tuple[int, int]) -> Point:
    """The point of the video that a click on pixel ``x, y`` of the shown frame means: the middle of that pixel.

    Args:
        shown, size: height and width of the shown frame, and of the video.
    """
    return (x + 0.5) * size[1] / shown[1], (y + 0.5) * size[0] / shown[0]


def draw(
    shown_HW3: np.ndarray, size: tuple[int, int], mask: np.ndarray | None, prompt: Prompt, corner: Point | None
) -> np.ndarray:
    """A shown frame with what is known of the object in it, ``uint8 [H,W,3]``.

    Args:
        size: height and width of the video.
        mask: the object's mask in {0, 255}, of any size; None if there is none.
        prompt: what is marked in this frame; its painted mask is not drawn, give it as ``mask``.
        corner: the first corner of a box that is not finished.
    """
    out_HW3 = shown_HW3.copy()
    height, width = out_HW3.shape[:2]
    if mask is not None:
        _tint(out_HW3, resize_mask(mask, height, width))
    across, down = width / size[1], height / size[0]
    line = max(2, round(max(height, width) / 320))
    if prompt.box is not None:
        box = prompt.box.scaled(across, down)
        _line(out_HW3, [(box.x, box.y), (box.x + box.w, box.y), (box.x + box.w, box.y + box.h), (box.x, box.y + box.h)])
    if corner is not None:
        x, y, arm = corner[0] * across, corner[1] * down, 6 * line
        for one, other in (((x - arm, y), (x + arm, y)), ((x, y - arm), (x, y + arm))):
            _line(out_HW3, [one, other])
    for points, colour, upright in ((prompt.points, _OBJECT, True), (prompt.not_points, _OTHER, False)):
        for px, py in points:
            _sign(out_HW3, px * across, py * down, 5 * line, colour, upright)
    return out_HW3


def painted(layers: list[np.ndarray]) -> np.ndarray | None:
    """The mask that strokes cover, ``uint8 [H,W]`` in {0, 255}; None if there are none.

    Args:
        layers: of an image editor, ``uint8 [H,W,4]``.
    """
    covered = [layer[..., 3] >= 128 for layer in layers if layer is not None and layer.ndim == 3]
    if not covered or not any(each.any() for each in covered):
        return None
    return np.where(np.logical_or.reduce(covered), 255, 0).astype(np.uint8)


def _tint(out_HW3: np.ndarray, mask_HW: np.ndarray) -> None:
    on = mask_HW > 0
    out_HW3[on] = (0.5 * out_HW3[on] + 0.5 * np.array(_MASK, np.float32)).round().astype(np.uint8)
    outline, _ = cv2.findContours(on.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(out_HW3, outline, -1, _MASK, 2, cv2.LINE_AA)


def _line(out_HW3: np.ndarray, points: list[Point]) -> None:
    """A closed line that is seen on dark and on light."""
    thick = max(2, round(max(out_HW3.shape) / 320))
    whole = np.array([[_fixed(x), _fixed(y)] for x, y in points], np.int32)
    for colour, width in ((_WHITE, thick + 2), (_OBJECT, thick)):
        cv2.polylines(out_HW3, [whole], True, colour, width, cv2.LINE_AA, _PARTS)


def _sign(out_HW3: np.ndarray, x: float, y: float, radius: int, colour: tuple[int, int, int], upright: bool) -> None:
    """A disc with a plus, or with a minus."""
    centre = _fixed(x), _fixed(y)
    for each, size in ((_WHITE, radius + 2), (colour, radius)):
        cv2.circle(out_HW3, centre, size << _PARTS, each, -1, cv2.LINE_AA, _PARTS)
    arm, thick = (radius << _PARTS) // 2, max(2, radius // 4)
    cv2.line(out_HW3, (centre[0] - arm, centre[1]), (centre[0] + arm, centre[1]), _WHITE, thick, cv2.LINE_AA, _PARTS)
    if upright:
        ends = (centre[0], centre[1] - arm), (centre[0], centre[1] + arm)
        cv2.line(out_HW3, *ends, _WHITE, thick, cv2.LINE_AA, _PARTS)


def _fixed(value: float) -> int:
    # OpenCV's coordinates are those of pixels' middles.
    return round((value - 0.5) * (1 << _PARTS))
