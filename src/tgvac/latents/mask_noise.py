"""Noise on training masks that imitates a tracker's faults: eroded, dilated or leaking masks.

Training masks are exact, a tracker's are not. The cache of latents has encoded masks, so noise is added before, and its
parameters are in the block `latents`. The faults of a clip are drawn by its name, once or several times
(`latents.mask_draws`). Windows are framed by the noisy masks, since at inference only a tracker's masks are known.
"""

from __future__ import annotations

import cv2
import numpy as np

from tgvac.clips.box import Box
from tgvac.latents.params import MaskNoiseParams
from tgvac.seeds import rng


def noisy_masks(params: MaskNoiseParams, sample: str, visible_FHW: np.ndarray, draw: int = 0) -> np.ndarray:
    """The visible masks of a clip as a tracker might have made them, ``uint8 [F,H,W]`` in {0, 255}.

    A fault lasts for the whole clip, as a tracker's faults do. Lengths are shares of the longer side of a frame's
    visible part. An empty mask stays empty, and a mask that is not empty never becomes empty.

    Args:
        sample: the clip's id, the name that all numbers are drawn by.
        draw: which draw of the clip; each has its own name, so the number of draws changes none of them.
    """
    drawn = rng("mask noise", params.seed, sample, *((draw,) if draw else ()))
    # Always the same count of numbers, so that changing one parameter does not change the others' draws.
    hit, which, size, leaks, angle, reach = drawn.random(6).tolist()
    if hit >= params.share:
        return visible_FHW
    shrinks = which < 0.5
    limit = params.erode if shrinks else params.dilate
    leak = reach * params.leak if leaks < params.leak_share else 0.0
    return np.stack([_noisy(mask_HW, shrinks, size * limit, 2 * np.pi * angle, leak) for mask_HW in visible_FHW])


def mask_draw(draws: int, *names: str | int) -> int:
    """Which draw of its masks a sample uses, by name; each is equally likely."""
    return int(rng("mask draw", *names).integers(draws)) if draws > 1 else 0


def _noisy(mask_HW: np.ndarray, shrinks: bool, change: float, angle: float, leak: float) -> np.ndarray:
    box = Box.of_mask(mask_HW)
    if box is None:
        return mask_HW
    side = max(box.w, box.h)
    changed_HW = _resized(mask_HW, round(change * side), cv2.MORPH_ERODE if shrinks else cv2.MORPH_DILATE)
    return changed_HW | _blob(mask_HW, angle, leak * side) if leak > 0 else changed_HW


def _resized(mask_HW: np.ndarray, radius: int, operation: int) -> np.ndarray:
    """Erode or dilate by a disc; by a smaller one if nothing would be left."""
    for r in range(radius, 0, -1):
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1))
        # OpenCV ignores pixels outside of the frame, so the frame's edge is not treated as an outline.
        changed_HW = np.asarray(cv2.morphologyEx(mask_HW, operation, kernel))
        if changed_HW.any():
            return changed_HW
    return mask_HW


def _blob(mask_HW: np.ndarray, angle: float, radius: float) -> np.ndarray:
    """A disc on the outline at the mask's farthest point in a direction, so that it moves with the object."""
    rows, columns = np.nonzero(mask_HW)
    at = int(np.argmax(np.round((rows - rows.mean()) * np.sin(angle) + (columns - columns.mean()) * np.cos(angle), 6)))
    y, x = np.ogrid[: mask_HW.shape[0], : mask_HW.shape[1]]
    return np.where((y - rows[at]) ** 2 + (x - columns[at]) ** 2 <= radius**2, np.uint8(255), np.uint8(0))
