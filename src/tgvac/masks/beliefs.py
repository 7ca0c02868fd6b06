"""Probabilities of an object and of the other objects of its video, and the raw mask that they give."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from tgvac.clips.box import Box
from tgvac.masks.segmenter import RawMask
from tgvac.masks.verdicts import LOST, MADE


def belief(logits: np.ndarray) -> np.ndarray:
    """Probability, ``float32`` in [0, 1], from a network's logits of any shape."""
    return np.asarray(expit(logits.astype(np.float32)))


def quantised(belief_HW: np.ndarray) -> np.ndarray:
    """Probability as ``uint8``: 0.5 or more becomes 128 or more."""
    return np.asarray(np.floor(belief_HW * np.float32(255) + np.float32(0.5)), np.uint8)


def apart(mine_HW: np.ndarray, theirs_HW: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Assign each pixel to one object, the more probable one.

    Args:
        mine_HW, theirs_HW: probability of the object and of any of the others, ``float32 [H,W]`` in [0, 1].

    Returns:
        The object's support ``uint8 [H,W]``, and the others' mask ``uint8 [H,W]`` in {0, 255}.
    """
    theirs_more_HW = theirs_HW > mine_HW
    mine_HW = np.where(theirs_more_HW, np.minimum(mine_HW, np.float32(0.49)), mine_HW)
    others_HW = np.where(theirs_more_HW & (theirs_HW >= 0.5), 255, 0).astype(np.uint8)
    return quantised(mine_HW), others_HW


def drawn(support_HW: np.ndarray, box: Box | None, others_HW: np.ndarray | None = None) -> RawMask:
    """A raw mask whose outline follows the frame's colours: ``made``, or ``lost`` if it is empty.

    Args:
        support_HW: probability of the object, ``uint8 [H,W]``.
        box: the given box of the frame, if there is one.
        others_HW: other objects of the video, ``uint8 [H,W]`` in {0, 255}.
    """
    if (support_HW >= 128).any():
        return RawMask(support_HW, MADE, box=box, outlined=True, others_HW=others_HW)
    return RawMask(np.zeros_like(support_HW), LOST, box=box, others_HW=others_HW)
