"""Flicker: how much a completion changes from frame to frame beside the truth's own motion (Lai et al. 2018)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tgvac.masks.dense_flow import DenseFlow, fetch
from tgvac.masks.params import DenseFlowParams
from tgvac.metrics.arrays import check_frames, check_mask, check_same
from tgvac.metrics.pixels import WHITE

_RETURNS = 1.0
"""Pixels: a flow there and back that misses by more has met an outline, or is wrong."""


def warp_error(
    pred_FHW3: NDArray[np.uint8], truth_FHW3: NDArray[np.uint8], amodal_FHW: NDArray[np.uint8], flow: DenseFlowParams
) -> NDArray[np.float64]:
    """Mean absolute difference between each frame and the one before, moved along the truth's optical flow.

    The flow is the truth's, so that a completion is not asked to explain its own flicker. Pixels count that belong to
    the true object in both frames, and from which the flow there and back returns. A still white picture has no error;
    so read it beside the amodal IoU.

    Args:
        pred_FHW3: completed object on white, RGB uint8 [F,H,W,3].
        truth_FHW3: true object on white, likewise.
        amodal_FHW: true amodal masks, uint8 [F,H,W] in {0,255}.
        flow: of OpenCV's dense inverse search.

    Returns:
        float64 [F] in [0,1]; NaN for the first frame, and where no pixel counts.

    Raises:
        ValueError: a shape, dtype or value that is not as above.
    """
    check_frames("pred_FHW3", pred_FHW3)
    check_frames("truth_FHW3", truth_FHW3)
    check_same(pred_FHW3=pred_FHW3, truth_FHW3=truth_FHW3)
    check_same(pred_FHW3=pred_FHW3, amodal_FHW=amodal_FHW)
    inside_FHW = check_mask("amodal_FHW", amodal_FHW)
    dense, errors_F = DenseFlow(flow), np.full(len(pred_FHW3), np.nan)
    grey_FHW = truth_FHW3.astype(np.float32).mean(axis=-1).round().astype(np.uint8)
    for i in range(1, len(pred_FHW3)):
        back_HW2 = dense.between(grey_FHW[i], grey_FHW[i - 1])
        there_HW2 = dense.between(grey_FHW[i - 1], grey_FHW[i])
        missed_HW = np.linalg.norm(back_HW2 + fetch(there_HW2, back_HW2), axis=-1)
        before_HW = fetch(amodal_FHW[i - 1], back_HW2) == 255
        counts_HW = inside_FHW[i] & before_HW & (missed_HW <= _RETURNS)
        if counts_HW.any():
            moved_HW3 = fetch(pred_FHW3[i - 1].astype(np.float32), back_HW2)
            errors_F[i] = np.abs(pred_FHW3[i] - moved_HW3)[counts_HW].mean(dtype=np.float64) / WHITE
    return errors_F
