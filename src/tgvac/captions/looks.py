"""The input of the captioning model: the whole object on white (paper, section 3.2), cropped (ours).

Without the crop, the model describes a small object on a white frame as a white page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tgvac.clips.box import Box
from tgvac.clips.geometry import FrameGeometry
from tgvac.clips.images import on_white


@dataclass(frozen=True)
class Look:
    """An image of an object, ``uint8 [S,S,3]``, and the frame of its track that it was cropped from."""

    image_SS3: np.ndarray
    frame: int


def caption_frame(stretches: Iterable[tuple[int, int]], areas: Sequence[float], min_area: float) -> int | None:
    """The first frame with a whole object that is not tiny; None if there is none.

    Args:
        stretches: start and length of each run of frames in which the object is whole.
        areas: the object's area in every frame of its track, as fractions of the frame.
    """
    for start, frames in sorted(stretches):
        for i in range(start, start + frames):
            if areas[i] > 0 and areas[i] >= min_area:
                return i
    return None


def areas_of(geometry: Sequence[FrameGeometry]) -> list[float]:
    """The object's area in every frame, as fractions of the frame."""
    return [each.area for each in geometry]


def crop_on_white(frame_HW3: np.ndarray, mask_HW: np.ndarray, margin: float) -> np.ndarray:
    """Crop the masked object, on white, with a square around it, ``uint8 [S,S,3]``.

    The model's processor would distort any other shape into a square.

    Args:
        margin: margin on each side, as a fraction of the object's longer side.

    Raises:
        ValueError: when the mask is empty.
    """
    box = Box.of_mask(mask_HW)
    if box is None:
        raise ValueError("the mask is empty, so there is no object to crop")
    side = max(1, math.ceil(max(box.w, box.h) * (1 + 2 * margin)))
    top, left = round(box.y + box.h / 2 - side / 2), round(box.x + box.w / 2 - side / 2)
    out = np.full((side, side, 3), 255, np.uint8)
    height, width = mask_HW.shape
    y0, y1, x0, x1 = max(top, 0), min(top + side, height), max(left, 0), min(left + side, width)
    out[y0 - top : y1 - top, x0 - left : x1 - left] = on_white(frame_HW3, mask_HW)[y0:y1, x0:x1]
    return out
