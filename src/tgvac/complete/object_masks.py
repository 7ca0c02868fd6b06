"""Where the object is in what a model painted on white."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import binary_fill_holes

from tgvac.clips.images import grey

# Shapes: S the model's square.


def darker(square_SS3: np.ndarray, threshold: int) -> np.ndarray:
    """Where a picture's grey is below a threshold, ``uint8 [S,S]`` in {0, 255}: how pix2gestalt finds the object."""
    return np.where(grey(square_SS3) < threshold, 255, 0).astype(np.uint8)


def far_from_white(square_SS3: np.ndarray, threshold: int) -> np.ndarray:
    """Where any channel is below a threshold, ``uint8 [S,S]`` in {0, 255}: bright colours count, too."""
    return np.where(square_SS3.min(axis=2) < threshold, 255, 0).astype(np.uint8)


def filled(mask_SS: np.ndarray) -> np.ndarray:
    """A mask with its holes: what is white inside of an outline is the object."""
    return np.where(binary_fill_holes(mask_SS > 0), 255, 0).astype(np.uint8)


def closed(mask_SS: np.ndarray, share: float = 0.03) -> np.ndarray:
    """A mask whose gaps, up to a share of the square's side, are closed, so that an outline that is broken can fill."""
    side = max(1, round(share * mask_SS.shape[0]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * side + 1, 2 * side + 1))
    padded = cv2.copyMakeBorder(mask_SS, side, side, side, side, cv2.BORDER_CONSTANT, value=0)
    found = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)
    return np.ascontiguousarray(found[side:-side, side:-side])
