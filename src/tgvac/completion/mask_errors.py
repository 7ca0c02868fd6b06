"""Visible masks with an error of the outline, as of a tracker: the key ``mask_noise`` of a method.

The outline moves along its normal by a smooth random field over the frame and time, so it is too wide in one place and
too narrow in another. The field is drawn by the sample's name alone. So all methods are given the same wrong masks, and
a pixel that is wrong at a small error is wrong at any larger one: overlap with the true mask only falls.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from tgvac.clips.clip import Clip
from tgvac.completion.given import Source
from tgvac.seeds import rng

SPAN = 8
"""The field has a value of its own every eighth of the frame's longer side, and every eight frames. An error of one
side of an object, which lasts for a third of a second: trackers lose a limb for a while, not single pixels."""


def load(source: Source) -> MaskErrors:
    """The errors of a method's masks."""
    assert source.method.mask_noise is not None
    return MaskErrors(source.method.mask_noise)


@dataclass(frozen=True)
class MaskErrors:
    """A :class:`tgvac.completion.given.Change` of masks.

    Attributes:
        pixels: the root mean square of how far the outline is off, in pixels of the frame.
    """

    pixels: float

    def key(self, sample: str) -> Any:
        return None

    def __call__(self, sample: str, clip: Clip, text: str) -> tuple[Clip, str]:
        return replace(clip, visible_FHW=with_errors(clip.visible_FHW, self.pixels, sample)), text

    def close(self) -> None:
        pass


def with_errors(visible_FHW: np.ndarray, pixels: float, *names: str | int) -> np.ndarray:
    """Visible masks whose outline is off, ``uint8 [F,H,W]`` in {0, 255}.

    An empty mask stays empty, and one that is not empty keeps at least the pixel that is the last to go.

    Args:
        pixels: root mean square of the outline's displacement.
        names: the field is drawn by these.
    """
    out_FHW = np.zeros_like(visible_FHW)
    for f, (mask_HW, field_HW) in enumerate(zip(visible_FHW, _fields(visible_FHW.shape, *names), strict=True)):
        if not mask_HW.any():
            continue
        inside_HW = _inside(mask_HW) + np.float32(pixels) * field_HW
        inside_HW.ravel()[np.where(mask_HW > 0, inside_HW, -np.inf).argmax()] = 1.0
        out_FHW[f] = np.where(inside_HW > 0, 255, 0)
    return out_FHW


def _inside(mask_HW: np.ndarray) -> np.ndarray:
    """How far each pixel's centre is inside of the outline, ``float32 [H,W]``; negative outside.

    Beyond the frame there is no outline.
    """
    half, seen = np.float32(0.5), (mask_HW > 0).astype(np.uint8)
    if seen.all():
        return np.full(mask_HW.shape, np.inf, np.float32)
    inner_HW = cv2.distanceTransform(seen, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outer_HW = cv2.distanceTransform(1 - seen, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.where(seen > 0, inner_HW - half, half - outer_HW), np.float32)


def _fields(shape: tuple[int, ...], *names: str | int) -> list[np.ndarray]:
    """A smooth field for each frame, ``float32 [H,W]`` of root mean square 1."""
    frames, height, width = shape
    span = max(height, width) / SPAN
    knots = (math.ceil(frames / SPAN) + 1, math.ceil(height / span) + 1, math.ceil(width / span) + 1)
    knots_Khw = rng("mask error", *names).standard_normal(knots).astype(np.float32)
    planes = [cv2.resize(knots_hw, (width, height), interpolation=cv2.INTER_CUBIC) for knots_hw in knots_Khw]
    fields = []
    for f in range(frames):
        before, part = divmod(f, SPAN)
        share = np.float32(part / SPAN)
        share = share * share * (3 - 2 * share)
        field_HW = (1 - share) * planes[before] + share * planes[before + 1]
        fields.append(np.asarray(field_HW / np.sqrt(np.mean(field_HW**2)), np.float32))
    return fields
