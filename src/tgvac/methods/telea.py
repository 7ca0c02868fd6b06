"""Trivial baseline: a guessed outline, its hidden part inpainted from the visible part of the same frame.

The inpainting is OpenCV's, after A. Telea, "An image inpainting technique based on the fast marching method", 2004. It
carries colours on smoothly and knows nothing of objects.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tgvac.clips.completion import Completion
from tgvac.clips.images import on_white
from tgvac.methods.contract import Complete, Setup, from_input
from tgvac.methods.mean_colour import convex_hull
from tgvac.methods.params import TrivialParams
from tgvac.methods.temporal_copy import TemporalCopy


@dataclass(frozen=True)
class Telea:
    """Inpaints the convex hull of temporal copy's union."""

    params: TrivialParams

    def complete(self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, text: str, seed: int) -> Completion:
        """Visible pixels are the input's own; a frame without visible pixels repeats the nearest one with some."""
        rgb_FHW3, mask_FHW = on_white(frames_FHW3, visible_FHW), visible_FHW.copy()
        seen = np.flatnonzero(visible_FHW.any(axis=(1, 2)))
        union_FHW = TemporalCopy(self.params).complete(frames_FHW3, visible_FHW, text, seed).amodal_FHW
        for frame in seen.tolist():
            mask_FHW[frame] = convex_hull(union_FHW[frame])
            filled_HW3 = inpaint(frames_FHW3[frame], visible_FHW[frame], mask_FHW[frame], self.params.radius)
            rgb_FHW3[frame] = on_white(filled_HW3, mask_FHW[frame])
        for frame in range(len(frames_FHW3)) if len(seen) else ():
            near = int(seen[np.abs(seen - frame).argmin()])  # the first of equals, so the earlier one
            rgb_FHW3[frame], mask_FHW[frame] = rgb_FHW3[near], mask_FHW[near]
        return Completion(rgb_FHW3, mask_FHW)


def inpaint(frame_HW3: np.ndarray, visible_HW: np.ndarray, outline_HW: np.ndarray, radius: float) -> np.ndarray:
    """The frame with all but the visible part painted anew, ``uint8 [H,W,3]``, right within the outline.

    Args:
        visible_HW, outline_HW: ``uint8`` in {0, 255}; the outline holds the visible part, which is not empty.
    """
    ys, xs = (np.flatnonzero(outline_HW.any(axis=axis)) for axis in (1, 0))
    box = slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1)
    out_HW3 = frame_HW3.copy()
    # All but the visible part is unknown, so that neither the occluder nor white runs into the object. OpenCV takes
    # gradients there all the same, so it must not see what is there.
    seen_hw = visible_HW[box] > 0
    known_hw3 = frame_HW3[box].copy()
    known_hw3[~seen_hw] = known_hw3[seen_hw].mean(axis=0).round()
    out_HW3[box] = cv2.inpaint(known_hw3, np.where(seen_hw, 0, 255).astype(np.uint8), radius, cv2.INPAINT_TELEA)
    return out_HW3


def load(setup: Setup, *, trivial: TrivialParams) -> Complete:
    """The method; it has no networks."""
    return from_input(Telea(trivial))
