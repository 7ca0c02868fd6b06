"""What is seen of an object, taken from the input: the rule of ``tgvac complete``, and of methods with ``paste``."""

from __future__ import annotations

import cv2
import numpy as np

from tgvac.clips.completion import Completion


def paste(
    rgb_HW3: np.ndarray,
    painted_HW: np.ndarray,
    frame_HW3: np.ndarray,
    visible_HW: np.ndarray,
    seam: float,
    rim: float = 0,
) -> np.ndarray:
    """The painted picture with the input's own pixels where the object is seen, ``uint8 [H,W,3]``.

    Args:
        rgb_HW3: what was painted.
        painted_HW: how much of the object was painted in each pixel, ``uint8`` in [0, 255].
        frame_HW3, visible_HW: the input, and what is seen of the object in {0, 255}.
        seam, rim: as in :func:`seen_share`.
    """
    share_HW1 = seen_share(visible_HW, painted_HW, seam, rim)[..., None]
    rgb = frame_HW3 * share_HW1 + rgb_HW3 * (1 - share_HW1)
    return np.asarray(rgb.round(), np.uint8)


def pasted(done: Completion, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, seam: float) -> Completion:
    """A completion with what is seen taken from the input; its mask holds what is seen, too."""
    each = zip(done.rgb_FHW3, done.amodal_FHW, frames_FHW3, visible_FHW, strict=True)
    return Completion(np.stack([paste(*one, seam, rim=seam) for one in each]), done.amodal_FHW | visible_FHW)


def seen_share(visible_HW: np.ndarray, painted_HW: np.ndarray, seam: float, rim: float = 0) -> np.ndarray:
    """The share of the input in each pixel, ``float32 [H,W]`` in [0, 1].

    It is 1 on what is seen, and falls to 0 over the seam, but only towards what the model alone knows: at the object's
    own outline there is no transition to a picture of the background.

    Args:
        seam: width of the transition in pixels; 0: none.
        rim: as in :func:`beyond_seen`.
    """
    seen = visible_HW > 0
    if seam <= 0:
        return seen.astype(np.float32)
    only_painted = beyond_seen(visible_HW, painted_HW, rim)
    if not only_painted.any():
        return seen.astype(np.float32)
    away_HW = _distance_to(only_painted)
    # Nor where the model painted nothing, which is white there.
    share_HW = np.maximum(np.clip(away_HW / np.float32(seam), 0, 1), 1 - painted_HW.astype(np.float32) / 255)
    return np.where(seen, share_HW, 0).astype(np.float32)


def beyond_seen(visible_HW: np.ndarray, painted_HW: np.ndarray, rim: float) -> np.ndarray:
    """Where the model painted more of the object than is seen, ``bool [H,W]``, without a thin rim around what is seen.

    A model of few pixels paints an object a little too large. Where its outline is seen, what is beyond it is no hidden
    part. A rim is what lies between what is seen and the background and is near both; a gap between two seen parts,
    however narrow, is none, and neither is the root of a hidden limb.

    Args:
        visible_HW: what is seen, in {0, 255}.
        painted_HW: how much was painted, ``uint8`` in [0, 255].
        rim: how wide a rim may be, in pixels; 0: all that was painted counts.
    """
    seen = visible_HW > 0
    only_painted = (painted_HW >= 128) & ~seen
    if rim <= 0 or not only_painted.any() or not seen.any():
        return np.asarray(only_painted)
    outside = ~only_painted & ~seen
    if not outside.any():
        return np.asarray(only_painted)
    in_rim = (_distance_to(outside) <= rim) & (_distance_to(seen) <= rim)
    hidden = only_painted & ~in_rim
    if not hidden.any():
        return np.zeros_like(only_painted)
    return np.asarray(only_painted & (_distance_to(hidden) <= rim))


def _distance_to(part_HW: np.ndarray) -> np.ndarray:
    """The distance of each pixel to the nearest one of a part that is not empty, ``float32 [H,W]``."""
    return np.asarray(cv2.distanceTransform(np.where(part_HW, 0, 1).astype(np.uint8), cv2.DIST_L2, 5))
