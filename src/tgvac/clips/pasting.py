"""What is seen of an object, taken from the input: the rule of ``tgvac complete``, and of methods with ``paste``."""

from __future__ import annotations

import cv2
import numpy as np

from tgvac.clips.completion import Completion


def paste(
    rgb_HW3: np.ndarray, painted_HW: np.ndarray, frame_HW3: np.ndarray, visible_HW: np.ndarray, seam: float
) -> np.ndarray:
    """The painted picture with the input's own pixels where the object is seen, ``uint8 [H,W,3]``.

    Args:
        rgb_HW3: what was painted.
        painted_HW: how much of the object was painted in each pixel, ``uint8`` in [0, 255].
        frame_HW3, visible_HW: the input, and what is seen of the object in {0, 255}.
        seam: as in :func:`seen_share`.
    """
    share_HW1 = seen_share(visible_HW, painted_HW, seam)[..., None]
    rgb = frame_HW3 * share_HW1 + rgb_HW3 * (1 - share_HW1)
    return np.asarray(rgb.round(), np.uint8)


def pasted(done: Completion, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, seam: float) -> Completion:
    """A completion with what is seen taken from the input; its mask holds what is seen, too."""
    each = zip(done.rgb_FHW3, done.amodal_FHW, frames_FHW3, visible_FHW, strict=True)
    return Completion(np.stack([paste(*one, seam) for one in each]), done.amodal_FHW | visible_FHW)


def seen_share(visible_HW: np.ndarray, painted_HW: np.ndarray, seam: float) -> np.ndarray:
    """The share of the input in each pixel, ``float32 [H,W]`` in [0, 1].

    It is 1 on what is seen, and falls to 0 over the seam, but only towards what the model painted: at the object's own
    outline there is no transition to a picture of the background.

    Args:
        seam: width of the transition in pixels; 0: none.
    """
    seen = visible_HW > 0
    if seam <= 0:
        return seen.astype(np.float32)
    # How far each seen pixel is from the nearest one that the model alone knows.
    only_painted = (painted_HW >= 128) & ~seen
    if not only_painted.any():
        return seen.astype(np.float32)
    away_HW = cv2.distanceTransform(np.where(only_painted, 0, 1).astype(np.uint8), cv2.DIST_L2, 3)
    # Nor where the model painted nothing, which is white there.
    share_HW = np.maximum(np.clip(away_HW / np.float32(seam), 0, 1), 1 - painted_HW.astype(np.float32) / 255)
    return np.where(seen, share_HW, 0).astype(np.float32)
