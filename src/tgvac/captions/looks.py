"""What a captioning model is shown: the whole object alone on white, cropped (paper, 3.2; cropping is ours).

On a whole frame's white page a small object is described as a white page.
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
    """A picture of an object, ``uint8 [S,S,3]``, and the frame of its track that it was cut from."""

    image_SS3: np.ndarray
    frame: int


def caption_frame(stretches: Iterable[tuple[int, int]], areas: Sequence[float], min_area: float) -> int | None:
    """The first frame in which an object is whole and not tiny; None where there is none.

    Args:
        stretches: start and length of each run of frames in which the object is whole.
        areas: of the object in every frame of its track, as shares of the frame.
    """
    for start, frames in sorted(stretches):
        for i in range(start, start + frames):
            if areas[i] > 0 and areas[i] >= min_area:
                return i
    return None


def areas_of(geometry: Sequence[FrameGeometry]) -> list[float]:
    """The object's area in every frame, as shares of the frame."""
    return [each.area for each in geometry]


def crop_on_white(frame_HW3: np.ndarray, mask_HW: np.ndarray, margin: float) -> np.ndarray:
    """The masked object on white in a square around it, ``uint8 [S,S,3]``.

    A square, since the processor would squeeze anything else into one.

    Args:
        margin: on each side, in parts of the object's longer side.

    Raises:
        ValueError: when the mask is empty.
    """
    box = Box.of_mask(mask_HW)
    if box is None:
        raise ValueError("there is no object to look at in an empty mask")
    side = max(1, math.ceil(max(box.w, box.h) * (1 + 2 * margin)))
    top, left = round(box.y + box.h / 2 - side / 2), round(box.x + box.w / 2 - side / 2)
    out = np.full((side, side, 3), 255, np.uint8)
    height, width = mask_HW.shape
    y0, y1, x0, x1 = max(top, 0), min(top + side, height), max(left, 0), min(left + side, width)
    out[y0 - top : y1 - top, x0 - left : x1 - left] = on_white(frame_HW3, mask_HW)[y0:y1, x0:x1]
    return out
