"""Soft edges of occluders without halos: colours are averaged with premultiplied alpha, i.e. weighted by coverage.

The background of an occluder's own video never enters a clip: outside of the edge, the occluder's colours are extended.
All sums are of integers below 2^53, so the result does not depend on threads or on the order of additions.
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image


def resize_covered(
    frame_HW3: np.ndarray, mask_HW: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Resize the masked part of a frame to colours ``uint8 [height,width,3]`` and coverage ``uint8 [height,width]``.

    Coverage is the fraction of each pixel that the mask covers, times 255. Colours are undefined where it is 0.
    """
    coverage_HW = resize_coverage(mask_HW, height, width)
    if mask_HW.shape == (height, width):
        return frame_HW3, coverage_HW
    weights_HW = _resized(mask_HW.astype(np.float32), height, width)
    inside_HW3 = np.where(mask_HW[..., None] > 0, frame_HW3, np.uint8(0)).astype(np.float32)
    sums_HW3 = np.stack([_resized(inside_HW3[..., c], height, width) for c in range(3)], axis=2)
    colours_HW3 = sums_HW3 * np.float32(255) / np.maximum(weights_HW, np.float32(1e-3))[..., None]
    return np.clip(np.rint(colours_HW3), 0, 255).astype(np.uint8), coverage_HW


def resize_coverage(mask_HW: np.ndarray, height: int, width: int) -> np.ndarray:
    """The coverage of a resized mask, ``uint8 [height,width]``."""
    if mask_HW.shape == (height, width):
        return mask_HW
    coverage_HW = np.rint(_resized(mask_HW.astype(np.float32), height, width))
    return np.asarray(np.clip(coverage_HW, 0, 255), np.uint8)


def _resized(plane_HW: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize one ``float32`` plane by area (down) or linearly (up); a filter with ringing could leave [0, 255]."""
    down = height * width < plane_HW.size
    kind = Image.Resampling.BOX if down else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(np.ascontiguousarray(plane_HW)).resize((width, height), kind))


def soft_alpha(coverage_HW: np.ndarray, feather: int) -> np.ndarray:
    """The alpha of an occluder with a ramp as its edge, ``uint8 [H,W]``.

    Args:
        feather: width of the ramp on either side of the edge, in pixels.
    """
    return _alpha(_spread(coverage_HW.astype(np.float64), feather), feather)


def soft_layer(colours_HW3: np.ndarray, coverage_HW: np.ndarray, feather: int) -> tuple[np.ndarray, np.ndarray]:
    """An occluder's colours, extended outside of its edge, ``uint8 [H,W,3]``, and its alpha ``uint8 [H,W]``."""
    weights_HW = coverage_HW.astype(np.float64)
    sums_HW = _spread(weights_HW, feather)
    sums_HW3 = _spread(weights_HW[..., None] * colours_HW3, feather)
    near_HW3 = np.floor(sums_HW3 / np.maximum(sums_HW, 1.0)[..., None] + 0.5).astype(np.uint8)
    return np.where(coverage_HW[..., None] > 0, colours_HW3, near_HW3), _alpha(sums_HW, feather)


def _alpha(sums_HW: np.ndarray, feather: int) -> np.ndarray:
    return np.floor(sums_HW / 16.0**feather + 0.5).astype(np.uint8)


def _spread(image: np.ndarray, feather: int) -> np.ndarray:
    """Filter with a binomial kernel of ``2 * feather + 1`` pixels per axis, with weights that add up to 16^feather.

    The frame's border is replicated, so an occluder that the border cuts does not fade there.
    """
    kernel = np.ones(1)
    for _ in range(feather):
        kernel = np.convolve(kernel, [1.0, 2.0, 1.0])
    spread = cv2.sepFilter2D(np.ascontiguousarray(image), cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(spread)
