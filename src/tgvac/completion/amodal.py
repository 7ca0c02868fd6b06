"""From a picture on white to an amodal mask."""

from __future__ import annotations

import numpy as np


def grey(image_HW3: np.ndarray) -> np.ndarray:
    """Luminance by Rec. 601, ``float64 [H,W]`` in [0, 255]; further axes may come first."""
    # Whole numbers first: in floats the grey of (250, 250, 250) need not be 250, nor the same on every CPU.
    return np.asarray(image_HW3.astype(np.int64) @ np.array([299, 587, 114]) / 1000)


def not_white(images_FHW3: np.ndarray, threshold: int) -> np.ndarray:
    """Whatever is darker than ``threshold`` belongs to the object, ``uint8 [F,H,W]`` in {0, 255}.

    pix2gestalt's rule is grey < 250.
    """
    mask_FHW = np.empty(images_FHW3.shape[:3], np.uint8)
    # Frame by frame: the whole numbers of a long video would take ten times its memory.
    for mask_HW, image_HW3 in zip(mask_FHW, images_FHW3, strict=True):
        mask_HW[:] = np.where(grey(image_HW3) < threshold, 255, 0)
    return mask_FHW
