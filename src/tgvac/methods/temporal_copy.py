"""Trivial baseline: hidden pixels are copied from the nearest frames that show them.

There is no network and no text. The object is followed from frame to frame by translation alone, so parts that turn,
grow or move leave a trace in the union. Pixels that no frame within reach shows stay white.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tgvac.clips.completion import Completion
from tgvac.clips.images import on_white
from tgvac.methods.contract import Complete, Setup, from_input
from tgvac.methods.params import TrivialParams
from tgvac.methods.registration import Patch, cut, displacement


@dataclass(frozen=True)
class TemporalCopy:
    """Completes by the visible pixels of other frames, moved as the object moved."""

    params: TrivialParams

    def complete(self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, text: str, seed: int) -> Completion:
        """Amodal masks are the union of all aligned visible parts; visible pixels are the input's own."""
        patches = [cut(frame, mask) for frame, mask in zip(frames_FHW3, visible_FHW, strict=True)]
        farthest = self.params.speed * max(visible_FHW.shape[1:])
        at_F2 = positions(patches, self.params.overlap, farthest)
        rgb_FHW3, mask_FHW = on_white(frames_FHW3, visible_FHW), visible_FHW.copy()
        for target in range(len(patches)):
            for source in nearest_first(target, self.params.reach, len(patches)):
                if (patch := patches[source]) is not None:
                    down, right = (at_F2[target] - at_F2[source]).tolist()
                    paste_below(rgb_FHW3[target], mask_FHW[target], patch, patch.top + down, patch.left + right)
        return Completion(rgb_FHW3, mask_FHW)


def positions(patches: Sequence[Patch | None], overlap: float, farthest: float) -> np.ndarray:
    """Where the object is in each frame relative to its first appearance, ``int64 [F,2]``, rows and columns.

    Displacements between frames that show it add up; where a displacement is unknown the object does not move. In
    frames that do not show it, its position is interpolated, or the last known one.

    Args:
        farthest: displacement from frame to frame at most, in pixels.
    """
    seen = [i for i, patch in enumerate(patches) if patch is not None]
    if not seen:
        return np.zeros((len(patches), 2), np.int64)
    known = [(0, 0)]
    for before, after in pairwise(seen):
        a, b = patches[before], patches[after]
        moved = a and b and displacement(a, b, overlap, farthest * (after - before))
        down, right = moved or (0, 0)
        known.append((known[-1][0] + down, known[-1][1] + right))
    frames = np.arange(len(patches))
    at_F2 = np.stack([np.interp(frames, seen, axis) for axis in np.transpose(known)], axis=1)
    return np.asarray(np.rint(at_F2).astype(np.int64))


def nearest_first(frame: int, reach: int, frames: int) -> Iterator[int]:
    """The other frames within reach, nearest first, the earlier one first of two.

    >>> list(nearest_first(1, 2, 5))
    [0, 2, 3]
    """
    for distance in range(1, reach + 1):
        for other in (frame - distance, frame + distance):
            if 0 <= other < frames:
                yield other


def paste_below(rgb_HW3: np.ndarray, mask_HW: np.ndarray, patch: Patch, top: int, left: int) -> None:
    """Lay a patch, its corner at (top, left), under what is there already, in place; the frame's edge cuts it."""
    height, width = mask_HW.shape
    first_y, first_x = max(top, 0), max(left, 0)
    last_y, last_x = min(top + patch.mask_hw.shape[0], height), min(left + patch.mask_hw.shape[1], width)
    if first_y >= last_y or first_x >= last_x:
        return
    at = slice(first_y, last_y), slice(first_x, last_x)
    inside = slice(first_y - top, last_y - top), slice(first_x - left, last_x - left)
    new_hw = (patch.mask_hw[inside] > 0) & (mask_HW[at] == 0)
    rgb_HW3[at][new_hw] = patch.rgb_hw3[inside][new_hw]
    mask_HW[at][new_hw] = 255


def load(setup: Setup, *, trivial: TrivialParams) -> Complete:
    """The method; it has no networks."""
    return from_input(TemporalCopy(trivial))
