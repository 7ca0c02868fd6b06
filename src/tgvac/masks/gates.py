"""Checks of generated masks against the given box and the frame before."""

from __future__ import annotations

import numpy as np

from tgvac.clips.box import Box
from tgvac.masks.params import GateParams
from tgvac.masks.verdicts import BOX, JUMP, LOST, MADE, OUTSIDE


def share_inside(mask_HW: np.ndarray, box: Box) -> float:
    """The fraction of a mask's pixels whose centres are in a box, in [0, 1]; 0 for an empty mask."""
    rows, columns = np.nonzero(mask_HW)
    if not len(rows):
        return 0.0
    x, y = columns + 0.5, rows + 0.5
    inside = (x >= box.x) & (x <= box.x + box.w) & (y >= box.y) & (y <= box.y + box.h)
    return float(inside.mean())


def judge(params: GateParams, mask_HW: np.ndarray, box: Box | None, area_before: int) -> str:
    """The verdict on a generated mask ``uint8 [H,W]``: the first check that it fails, or ``made``.

    Args:
        box: the given box, clipped to the frame; None if the source gives none.
        area_before: pixels of the mask of the frame before; 0 if that mask failed, which skips the check of the area.
    """
    own = Box.of_mask(mask_HW)
    if own is None:
        return LOST
    if box is not None and share_inside(mask_HW, box) < params.min_inside:
        return OUTSIDE
    if box is not None and own.iou(box) < params.min_box_iou:
        return BOX
    area = np.count_nonzero(mask_HW)
    if area_before and not area_before / params.max_jump <= area <= area_before * params.max_jump:
        return JUMP
    return MADE
