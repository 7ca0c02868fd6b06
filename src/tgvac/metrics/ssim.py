"""Structural similarity over a part of the object."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from tgvac.metrics.arrays import check_frames, check_mask, check_same
from tgvac.metrics.pixels import WHITE, mean_inside

_WINDOW, _SIGMA = (11, 11), 1.5
_C1, _C2 = (0.01 * WHITE) ** 2, (0.03 * WHITE) ** 2
"""The window and the constants of Wang et al. 2004."""


def masked_ssim(
    pred_FHW3: NDArray[np.uint8], truth_FHW3: NDArray[np.uint8], inside_FHW: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Structural similarity of each frame (Wang et al. 2004), as the mean of its map over some pixels.

    The map is made of the whole frames, with a Gaussian window, for each channel by itself; so pixels near the part's
    border also compare what is around it.

    Args:
        pred_FHW3: completed object on white, RGB uint8 [F,H,W,3].
        truth_FHW3: true object on white, likewise.
        inside_FHW: pixels to count, uint8 [F,H,W] in {0,255}.

    Returns:
        float64 [F] in [-1,1]; NaN where ``inside_FHW`` is empty.

    Raises:
        ValueError: a shape, dtype or value that is not as above.
    """
    check_frames("pred_FHW3", pred_FHW3)
    check_frames("truth_FHW3", truth_FHW3)
    check_same(pred_FHW3=pred_FHW3, truth_FHW3=truth_FHW3)
    check_same(pred_FHW3=pred_FHW3, inside_FHW=inside_FHW)
    inside_in_FHW = check_mask("inside_FHW", inside_FHW)
    maps_FHW = np.stack([_map(a, b) for a, b in zip(pred_FHW3, truth_FHW3, strict=True)])
    return mean_inside(maps_FHW, inside_in_FHW)


def _map(a_HW3: NDArray[np.uint8], b_HW3: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The similarity of each pixel's surroundings, the mean of the channels."""
    a, b = a_HW3.astype(np.float64), b_HW3.astype(np.float64)
    mean_a, mean_b = _blurred(a), _blurred(b)
    # Rounding may leave a variance of flat colour just below 0.
    var_a = np.maximum(_blurred(a * a) - mean_a**2, 0)
    var_b = np.maximum(_blurred(b * b) - mean_b**2, 0)
    both = _blurred(a * b) - mean_a * mean_b
    top = (2 * mean_a * mean_b + _C1) * (2 * both + _C2)
    bottom = (mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2)
    found: NDArray[np.float64] = (top / bottom).mean(axis=-1)
    return found


def _blurred(x_HW3: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cv2.GaussianBlur(x_HW3, _WINDOW, _SIGMA, borderType=cv2.BORDER_REFLECT_101))
