"""Pixel errors over a part of the object: PSNR, and mean absolute error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tgvac.metrics.arrays import check_frames, check_mask, check_same

WHITE = 255.0
"""The largest level of an 8-bit channel: the peak in PSNR, the unit of L1."""


def masked_psnr(
    pred_FHW3: NDArray[np.uint8], truth_FHW3: NDArray[np.uint8], inside_FHW: NDArray[np.uint8], cap: float
) -> NDArray[np.float64]:
    """Peak signal-to-noise ratio of each frame over some pixels only, such as the hidden ones.

    Over the whole frame, the white background would dominate, and over the object its visible part, which any method
    can copy.

    Args:
        pred_FHW3: completed object on white, RGB uint8 [F,H,W,3].
        truth_FHW3: true object on white, likewise.
        inside_FHW: pixels to count, uint8 [F,H,W] in {0,255}.
        cap: upper bound in dB, reached by identical pixels; > 0.

    Returns:
        float64 [F] in dB, at most ``cap``; NaN where ``inside_FHW`` is empty.

    Raises:
        ValueError: a shape, dtype or value that is not as above.
    """
    if not cap > 0:
        raise ValueError(f"cap must be above 0 dB, not {cap}")
    inside_in_FHW = _checked(pred_FHW3, truth_FHW3, inside_FHW)
    square_FHW = np.square(_difference(pred_FHW3, truth_FHW3)).mean(axis=-1)
    mse_F = mean_inside(square_FHW, inside_in_FHW)
    # The smallest error follows from the cap, so that identical pixels are no special case.
    least_mse = WHITE**2 / 10 ** (cap / 10)
    psnr_F: NDArray[np.float64] = 10 * np.log10(WHITE**2 / np.maximum(mse_F, least_mse))
    return np.minimum(psnr_F, cap)  # rounding may exceed the cap by one ulp


def l1(
    pred_FHW3: NDArray[np.uint8], truth_FHW3: NDArray[np.uint8], inside_FHW: NDArray[np.uint8] | None = None
) -> NDArray[np.float64]:
    """Mean absolute error of each frame, in units of the full range (black against white is 1).

    Args:
        pred_FHW3, truth_FHW3: RGB frames, uint8 [F,H,W,3].
        inside_FHW: pixels to count, uint8 [F,H,W] in {0,255}; all pixels when None.

    Returns:
        float64 [F] in [0,1]; NaN where ``inside_FHW`` is empty.

    Raises:
        ValueError: a shape, dtype or value that is not as above.
    """
    inside_in_FHW = _checked(pred_FHW3, truth_FHW3, inside_FHW)
    error_FHW = np.abs(_difference(pred_FHW3, truth_FHW3)).mean(axis=-1) / WHITE
    return mean_inside(error_FHW, inside_in_FHW)


def _checked(
    pred_FHW3: NDArray[np.uint8], truth_FHW3: NDArray[np.uint8], inside_FHW: NDArray[np.uint8] | None
) -> NDArray[np.bool_]:
    check_frames("pred_FHW3", pred_FHW3)
    check_frames("truth_FHW3", truth_FHW3)
    check_same(pred_FHW3=pred_FHW3, truth_FHW3=truth_FHW3)
    if inside_FHW is None:
        return np.ones(pred_FHW3.shape[:3], np.bool_)
    check_same(pred_FHW3=pred_FHW3, inside_FHW=inside_FHW)
    return check_mask("inside_FHW", inside_FHW)


def _difference(pred_FHW3: NDArray[np.uint8], truth_FHW3: NDArray[np.uint8]) -> NDArray[np.float64]:
    return pred_FHW3.astype(np.float64) - truth_FHW3  # uint8 would wrap


def mean_inside(value_FHW: NDArray[np.float64], inside_FHW: NDArray[np.bool_]) -> NDArray[np.float64]:
    pixels_F = np.count_nonzero(inside_FHW, axis=(1, 2))
    out_F = np.full(len(value_FHW), np.nan)
    np.divide(np.where(inside_FHW, value_FHW, 0.0).sum(axis=(1, 2)), pixels_F, out=out_F, where=pixels_F > 0)
    return out_F
