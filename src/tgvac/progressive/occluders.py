"""Who says what is in front of the object.

* ``oracle``: the clip, which knows the truth of all that is in front. Its rows are named so.
* ``given``: a user, who marks it (``tgvac complete --occluder``).
* ``around``: nobody. Then what is near the object and has not the background's colours is taken to be in front of it.
* ``outside``: nobody, and nothing in the frame is in front: only an object that its border cuts is completed.

The authors ask InstaOrderNet for the order of all pairs of SAM's masks. Such a source is a function as below: it gets
the frames and what is seen of the object, and returns masks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np

from tgvac.clips.box import Box
from tgvac.masks.colours import cells
from tgvac.masks.opencv import one_thread
from tgvac.progressive.params import ProgressiveParams
from tgvac.progressive.region import grown

Occluders = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Frames ``uint8 [F,H,W,3]`` and visible masks ``uint8 [F,H,W]`` to masks of what is in front, in {0, 255}."""

_BINS = 8
"""A channel of L*a*b*."""
_BLUR = 8.0
"""Over which neighbours are averaged, in pixels of a frame of ``SIDE``: a pixel alone is often of another colour."""


def around(frame_HW3: np.ndarray, visible_HW: np.ndarray, params: ProgressiveParams) -> np.ndarray:
    """What is near the object and not of the background's colours, ``uint8 [H,W]`` in {0, 255}.

    Near is a band around what is seen, and background what is beyond it. Of each colour its share in the band is
    compared with its share beyond; what is in front is where the band has at least ``near_share`` of both. So an
    occluder that is large beside the band, or has the background's colours, is not found.
    """
    box = Box.of_mask(visible_HW)
    if box is None:
        return np.zeros_like(visible_HW)
    band_HW = grown(visible_HW, max(1, round(params.near * max(box.w, box.h)))) & ~visible_HW
    # The object's outline is mixed with what is beside it.
    beyond_HW = grown(band_HW | visible_HW, 2) == 0
    at_HW = cells(np.ascontiguousarray(frame_HW3), _BINS)
    band_C, beyond_C = (_shares(at_HW[where]) for where in (band_HW > 0, beyond_HW))
    chance_C = np.divide(band_C, band_C + beyond_C, out=np.zeros_like(band_C), where=band_C > 0)
    with one_thread():
        sigma = params.pixels(_BLUR, *visible_HW.shape)
        chance_HW = cv2.GaussianBlur(chance_C[at_HW].astype(np.float32), (0, 0), sigma)
    return np.where((chance_HW >= params.near_share) & (band_HW > 0), 255, 0).astype(np.uint8)


def _shares(cells_N: np.ndarray) -> np.ndarray:
    """The share of each colour, ``float64``."""
    return np.bincount(cells_N, minlength=_BINS**3) / max(1, len(cells_N))


def without_truth(params: ProgressiveParams, source: Literal["around", "outside"]) -> Occluders:
    """The occluders as they can be told from the input alone."""
    if source == "outside":
        return lambda frames_FHW3, visible_FHW: np.zeros_like(visible_FHW)
    return lambda frames_FHW3, visible_FHW: np.stack(
        [around(frame_HW3, visible_HW, params) for frame_HW3, visible_HW in zip(frames_FHW3, visible_FHW, strict=True)]
    )
