"""Removes small parts and small holes of a mask."""

from __future__ import annotations

import cv2
import numpy as np


def without_specks(mask_HW: np.ndarray, min_part: float) -> np.ndarray:
    """A mask ``uint8 [H,W]`` in {0, 255} without 8-connected parts that are much smaller than its largest part.

    Args:
        min_part: parts below this fraction of the largest part's area are removed. Several parts may stay, because an
            occluder can cut an object into pieces.
    """
    count, labels_HW, stats, _ = cv2.connectedComponentsWithStats(mask_HW, connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA]
    keep = np.zeros(count, bool)
    keep[1:] = areas[1:] >= min_part * areas[1:].max(initial=0)
    return np.where(keep[labels_HW], 255, 0).astype(np.uint8)


def without_holes(mask_HW: np.ndarray, max_hole: float) -> np.ndarray:
    """A mask with its small holes filled; holes are 4-connected and do not touch the frame's edge.

    Args:
        max_hole: holes up to this fraction of the mask's area are filled; larger ones may be real.
    """
    _, labels_HW, stats, _ = cv2.connectedComponentsWithStats(255 - mask_HW, connectivity=4)
    fill = stats[:, cv2.CC_STAT_AREA] <= max_hole * np.count_nonzero(mask_HW)
    fill[0] = False
    edge = np.concatenate([labels_HW[0], labels_HW[-1], labels_HW[:, 0], labels_HW[:, -1]])
    fill[np.unique(edge)] = False
    return np.where(fill[labels_HW], np.uint8(255), mask_HW)
