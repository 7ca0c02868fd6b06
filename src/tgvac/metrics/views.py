"""Where CLIP and LPIPS look: squares of a frame, the same ones for the completion and for the truth.

The headline's windows follow the visible mask, as the model's do, so two framings are not comparable by them, and what
a method paints outside of its window costs nothing. Two further views are in the source's own coordinates:

* ``frame``: the whole frame, padded to a square;
* ``box``: the box of the true object, with a margin. It has no value where the object is absent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tgvac.clips.clip import Clip
from tgvac.clips.framing import FramingParams, Window, frame_rgb, windows_of
from tgvac.metrics.params import View

_SMALLEST = 8
"""Pixels of the smallest square, as of the model's windows."""


@dataclass(frozen=True)
class Squares:
    """The squares of some frames of a clip.

    Attributes:
        size: pixels of the pictures' side.
        windows: one by frame, for the frames that have one.
    """

    size: int
    windows: dict[int, Window]

    def pictures(self, rgb_FHW3: np.ndarray) -> np.ndarray:
        """The pictures in the squares, ``uint8 [N,size,size,3]``; white outside of the frame."""
        out_NSS3 = np.empty((len(self.windows), self.size, self.size, 3), np.uint8)
        for picture_SS3, (i, window) in zip(out_NSS3, self.windows.items(), strict=True):
            picture_SS3[:] = frame_rgb(rgb_FHW3[i], window, self.size, 255)
        return out_NSS3

    def spread(self, values_N: np.ndarray, frames: int) -> np.ndarray:
        """Values of the pictures as values of all frames, ``float64 [frames]``; NaN where there is no square."""
        out_F = np.full(frames, np.nan)
        out_F[list(self.windows)] = values_N
        return out_F


def window_squares(framing: FramingParams, clip: Clip) -> Squares:
    """The headline's: the windows of the visible mask, as the model has them."""
    return Squares(framing.size, dict(enumerate(windows_of(framing, clip.visible_FHW))))


def squares_of(view: View, framing: FramingParams, clip: Clip, margin: float) -> Squares:
    """Those of a further view.

    Args:
        margin: of ``box``, on each side, by the box's longer side.
    """
    frames, height, width = clip.amodal_FHW.shape
    if view == "frame":
        side = max(height, width)
        whole = Window((height - side) // 2, (width - side) // 2, side)
        return Squares(framing.size, dict.fromkeys(range(frames), whole))
    boxes = ((i, _around(mask_HW, margin)) for i, mask_HW in enumerate(clip.amodal_FHW) if mask_HW.any())
    return Squares(framing.size, dict(boxes))


def _around(mask_HW: np.ndarray, margin: float) -> Window:
    """The square around a mask."""
    rows, columns = np.flatnonzero(mask_HW.any(axis=1)), np.flatnonzero(mask_HW.any(axis=0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    side = max(math.ceil(max(bottom - top, right - left) * (1 + 2 * margin)), _SMALLEST)
    return Window(int(top + bottom - side) // 2, int(left + right - side) // 2, side)
