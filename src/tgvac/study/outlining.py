"""Which object is meant: a line around its visible part in the input video, since a scene often has several."""

from __future__ import annotations

import numpy as np

COLOUR = (255, 0, 170)
"""Pink, RGB: seldom in a scene."""
_PART = 128
"""The line is as wide as the shorter side by this, at least two pixels, so that a video's chroma keeps it."""


def outlined(frames_FHW3: np.ndarray, visible_FHW: np.ndarray) -> np.ndarray:
    """Frames with a line just outside of the visible part, which covers no pixel of the object.

    Args:
        frames_FHW3: ``uint8`` RGB.
        visible_FHW: the mask, 0 or more; a frame in which nothing is visible has no line.

    Returns:
        a copy, ``uint8 [F,H,W,3]``.
    """
    import cv2

    width = max(2, round(min(frames_FHW3.shape[1:3]) / _PART))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    out_FHW3 = frames_FHW3.copy()
    for frame_HW3, visible_HW in zip(out_FHW3, visible_FHW, strict=True):
        on_HW = (visible_HW > 0).astype(np.uint8)
        frame_HW3[(cv2.dilate(on_HW, disc) > 0) & (on_HW == 0)] = COLOUR
    return out_FHW3
