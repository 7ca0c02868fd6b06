"""Belief in an object and in the others of its video, and what raw mask that makes."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from tgvac.clips.box import Box
from tgvac.masks.segmenter import RawMask
from tgvac.masks.verdicts import LOST, MADE


def belief(logits: np.ndarray) -> np.ndarray:
    """Belief, ``float32`` in [0, 1], from a network's logits of any shape."""
    return np.asarray(expit(logits.astype(np.float32)))


def quantised(belief_HW: np.ndarray) -> np.ndarray:
    """Belief as ``uint8``: from 128 on where it is a half or more."""
    return np.asarray(np.floor(belief_HW * np.float32(255) + np.float32(0.5)), np.uint8)


def apart(mine_HW: np.ndarray, theirs_HW: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give each pixel to one object: to the one that is believed in more.

    Args:
        mine_HW, theirs_HW: belief in the object and in any of the others, ``float32 [H,W]`` in [0, 1].

    Returns:
        support of the object ``uint8 [H,W]``, and the others' mask ``uint8 [H,W]`` in {0, 255}.
    """
    theirs_more_HW = theirs_HW > mine_HW
    mine_HW = np.where(theirs_more_HW, np.minimum(mine_HW, np.float32(0.49)), mine_HW)
    others_HW = np.where(theirs_more_HW & (theirs_HW >= 0.5), 255, 0).astype(np.uint8)
    return quantised(mine_HW), others_HW


def drawn(support_HW: np.ndarray, box: Box | None, others_HW: np.ndarray | None = None) -> RawMask:
    """A raw mask that was drawn along the frame's own colours: ``made``, or ``lost`` where it is empty.

    Args:
        support_HW: belief, ``uint8 [H,W]``.
        box: the given box of the frame, if there is one.
        others_HW: other objects of the video, ``uint8 [H,W]`` in {0, 255}.
    """
    if (support_HW >= 128).any():
        return RawMask(support_HW, MADE, box=box, outlined=True, others_HW=others_HW)
    return RawMask(np.zeros_like(support_HW), LOST, box=box, others_HW=others_HW)
