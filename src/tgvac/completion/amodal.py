"""From a picture on white to an amodal mask."""

from __future__ import annotations

import numpy as np


def grey(images_FHW3: np.ndarray) -> np.ndarray:
    """Luminance by Rec. 601, ``float64 [F,H,W]`` in [0, 255]."""
    return np.asarray(images_FHW3.astype(np.float64) @ np.array([0.299, 0.587, 0.114]))


def not_white(images_FHW3: np.ndarray, threshold: int) -> np.ndarray:
    """Whatever is darker than ``threshold`` belongs to the object, ``uint8 [F,H,W]`` in {0, 255}.

    pix2gestalt's rule is grey < 250.
    """
    return np.where(grey(images_FHW3) < threshold, 255, 0).astype(np.uint8)
