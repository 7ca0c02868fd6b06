"""Overlap of amodal masks, over the whole object and over its hidden part.

Absent objects follow one rule: if truth and prediction are both empty, the overlap is NaN, which aggregation drops; if
only one is empty, the overlap is 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tgvac.metrics.arrays import check_mask, check_same


def iou(a_FHW: NDArray[np.uint8], b_FHW: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Intersection over union of each frame.

    Args:
        a_FHW, b_FHW: masks, uint8 [F,H,W] in {0,255}; the order of the two does not matter.

    Returns:
        float64 [F] in [0,1]; NaN if both masks are empty, 0 if one is.

    Raises:
        ValueError: a shape, dtype or value that is not a mask's, or shapes that differ.
    """
    a_in_FHW, b_in_FHW = check_mask("a_FHW", a_FHW), check_mask("b_FHW", b_FHW)
    check_same(a_FHW=a_FHW, b_FHW=b_FHW)
    return _ratio(a_in_FHW, b_in_FHW)


def occluded_iou(
    pred_FHW: NDArray[np.uint8], amodal_FHW: NDArray[np.uint8], visible_FHW: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Intersection over union of each frame outside the visible part, which measures the hidden shape.

    The masks are combined by logic and not subtracted: in uint8 ``pred - visible`` wraps, so a visible pixel missing
    from the prediction would count as a hidden pixel found (an error in a published evaluation).

    Args:
        pred_FHW: predicted amodal masks, uint8 [F,H,W] in {0,255}.
        amodal_FHW: true amodal masks, likewise.
        visible_FHW: visible masks, likewise; their pixels are left out on both sides.

    Returns:
        float64 [F] in [0,1]; NaN if nothing is hidden and nothing was predicted outside the visible part, 0 if only
        one of the two is empty, since a shape invented around a fully visible object is an error.

    Raises:
        ValueError: a shape, dtype or value that is not a mask's, or shapes that differ.
    """
    pred_in_FHW, amodal_in_FHW = check_mask("pred_FHW", pred_FHW), check_mask("amodal_FHW", amodal_FHW)
    unseen_FHW = ~check_mask("visible_FHW", visible_FHW)
    check_same(pred_FHW=pred_FHW, amodal_FHW=amodal_FHW, visible_FHW=visible_FHW)
    return _ratio(pred_in_FHW & unseen_FHW, amodal_in_FHW & unseen_FHW)


def _ratio(a_FHW: NDArray[np.bool_], b_FHW: NDArray[np.bool_]) -> NDArray[np.float64]:
    both_F = np.count_nonzero(a_FHW & b_FHW, axis=(1, 2))
    either_F = np.count_nonzero(a_FHW | b_FHW, axis=(1, 2))
    out_F = np.full(len(a_FHW), np.nan)
    np.divide(both_F, either_F, out=out_F, where=either_F > 0)
    return out_F
