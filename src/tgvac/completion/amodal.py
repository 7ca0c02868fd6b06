"""From a picture on white to an amodal mask."""

from __future__ import annotations

import numpy as np


def grey(images_FHW3: np.ndarray) -> np.ndarray:
    """Luminance by Rec. 601, ``float64 [F,H,W]`` in [0, 255]."""
    # Whole numbers first: in floats the grey of (250, 250, 250) need not be 250, nor the same on every CPU.
    return np.asarray(images_FHW3.astype(np.int64) @ np.array([299, 587, 114]) / 1000)


def not_white(images_FHW3: np.ndarray, threshold: int) -> np.ndarray:
    """Whatever is darker than ``threshold`` belongs to the object, ``uint8 [F,H,W]`` in {0, 255}.

    pix2gestalt's rule is grey < 250.
    """
    return np.where(grey(images_FHW3) < threshold, 255, 0).astype(np.uint8)
