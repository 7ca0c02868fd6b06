"""Trivial baseline: a guessed outline, its hidden part filled with the mean colour of the visible part."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tgvac.clips.completion import Completion
from tgvac.clips.images import on_white
from tgvac.methods.contract import Complete, Setup, from_input
from tgvac.methods.params import TrivialParams
from tgvac.methods.temporal_copy import TemporalCopy


@dataclass(frozen=True)
class MeanColour:
    """Fills the convex hull of the visible part, or temporal copy's union, with the mean of the visible pixels."""

    params: TrivialParams

    def complete(self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, text: str, seed: int) -> Completion:
        """Visible pixels are the input's own; a frame without visible pixels repeats the nearest one with some."""
        seen = np.flatnonzero(visible_FHW.any(axis=(1, 2)))
        if len(seen) == 0:
            return Completion(on_white(frames_FHW3, visible_FHW), visible_FHW.copy())
        if self.params.shape == "union":
            shape_FHW = TemporalCopy(self.params).complete(frames_FHW3, visible_FHW, text, seed).amodal_FHW
        else:
            shape_FHW = np.stack([convex_hull(mask_HW) for mask_HW in visible_FHW])
        rgb_FHW3, mask_FHW = [], []
        for frame, visible_HW in enumerate(visible_FHW):
            near = int(seen[np.abs(seen - frame).argmin()])  # the first of equals, so the earlier one
            colour_3 = np.rint(frames_FHW3[near][visible_FHW[near] > 0].mean(axis=0)).astype(np.uint8)
            outline_HW = shape_FHW[frame] if shape_FHW[frame].any() else shape_FHW[near]
            filled_HW3 = on_white(np.broadcast_to(colour_3, frames_FHW3[frame].shape), outline_HW)
            rgb_FHW3.append(np.where(visible_HW[..., None] > 0, frames_FHW3[frame], filled_HW3))
            mask_FHW.append(outline_HW | visible_HW)
        return Completion(np.stack(rgb_FHW3), np.stack(mask_FHW))


def convex_hull(mask_HW: np.ndarray) -> np.ndarray:
    """The convex hull of a mask, ``uint8 [H,W]`` in {0, 255}; it holds the mask, and is empty where that is."""
    hull_HW = np.zeros_like(mask_HW)
    ys, xs = np.nonzero(mask_HW)
    if len(ys):
        points = cv2.convexHull(np.stack([xs, ys], axis=1).astype(np.int32))
        cv2.fillConvexPoly(hull_HW, points, 255)
    return np.asarray(hull_HW | mask_HW)


def load(setup: Setup, *, trivial: TrivialParams) -> Complete:
    """The method; it has no networks."""
    return from_input(MeanColour(trivial))
