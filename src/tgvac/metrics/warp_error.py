"""Flicker: how much a completion changes from frame to frame beside the truth's own motion (Lai et al. 2018)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tgvac.masks.dense_flow import DenseFlow, fetch
from tgvac.masks.params import DenseFlowParams
from tgvac.metrics.arrays import check_frames, check_mask, check_same
from tgvac.metrics.pixels import WHITE

_RETURNS = 1.0
"""Pixels: a flow there and back that misses by more has met an outline, or is wrong."""


@dataclass(frozen=True)
class Motion:
    """How a true object moves from one frame to the next; the same for all completions of it.

    Attributes:
        back_HW2: the truth's optical flow from the later frame to the one before, float32, in pixels.
        counts_HW: the pixels of the later frame that count, bool.
    """

    back_HW2: NDArray[np.float32]
    counts_HW: NDArray[np.bool_]


def motions_of(truth_FHW3: NDArray[np.uint8], amodal_FHW: NDArray[np.uint8], flow: DenseFlowParams) -> Iterator[Motion]:
    """The motion of a true object into each frame but the first, one after the other.

    Pixels count that belong to the object in both frames, and from which the flow there and back returns.

    Args:
        truth_FHW3: true object on white, RGB uint8 [F,H,W,3].
        amodal_FHW: true amodal masks, uint8 [F,H,W] in {0,255}.
        flow: of OpenCV's dense inverse search.

    Raises:
        ValueError: a shape, dtype or value that is not as above.
    """
    check_frames("truth_FHW3", truth_FHW3)
    check_same(truth_FHW3=truth_FHW3, amodal_FHW=amodal_FHW)
    inside_FHW, dense = check_mask("amodal_FHW", amodal_FHW), DenseFlow(flow)

    def grey(i: int) -> NDArray[np.uint8]:
        return np.asarray(truth_FHW3[i].astype(np.float32).mean(axis=-1).round().astype(np.uint8))

    for i in range(1, len(truth_FHW3)):
        back_HW2 = dense.between(grey(i), grey(i - 1))
        there_HW2 = dense.between(grey(i - 1), grey(i))
        missed_HW = np.linalg.norm(back_HW2 + fetch(there_HW2, back_HW2), axis=-1)
        before_HW = fetch(amodal_FHW[i - 1], back_HW2) == 255
        yield Motion(back_HW2, inside_FHW[i] & before_HW & (missed_HW <= _RETURNS))


def warp_error(pred_FHW3: NDArray[np.uint8], motions: Iterable[Motion]) -> NDArray[np.float64]:
    """Mean absolute difference between each frame and the one before, moved along the truth's optical flow.

    The flow is the truth's, so that a completion is not asked to explain its own flicker. A still white picture has no
    error; so read it beside the amodal IoU.

    Args:
        pred_FHW3: completed object on white, RGB uint8 [F,H,W,3].
        motions: of the true object, F - 1 of them.

    Returns:
        float64 [F] in [0,1]; NaN for the first frame, and where no pixel counts.

    Raises:
        ValueError: a shape, dtype or number that is not as above.
    """
    check_frames("pred_FHW3", pred_FHW3)
    errors_F = np.full(len(pred_FHW3), np.nan)
    for i, motion in zip(range(1, len(pred_FHW3)), motions, strict=True):
        check_same(pred_FHW3=pred_FHW3[i : i + 1], counts_FHW=motion.counts_HW[None])
        if motion.counts_HW.any():
            moved_HW3 = fetch(pred_FHW3[i - 1].astype(np.float32), motion.back_HW2)
            errors_F[i] = np.abs(pred_FHW3[i] - moved_HW3)[motion.counts_HW].mean(dtype=np.float64) / WHITE
    return errors_F
