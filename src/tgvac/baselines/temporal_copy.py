"""A floor: what is hidden is copied from the nearest frames in which it was seen.

It knows what a person knows who only shifts cut-outs: no network, no text. What no frame within reach shows stays
white, and what moved within the object leaves its trace in the union.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tgvac.baselines.params import FloorsParams
from tgvac.baselines.registration import Aligner, Patch, cut
from tgvac.clip.completion import Completion
from tgvac.clip.images import on_white


@dataclass(frozen=True)
class TemporalCopy:
    """Completes by the visible pixels of other frames; where nothing is visible, by interpolated motion."""

    params: FloorsParams

    def complete(self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, text: str, seed: int) -> Completion:
        """Amodal masks are the union of all aligned visible parts; visible pixels are the input's own."""
        reach, scales = self.params.reach, self.params.scales
        kept = (2 * reach + 2) * len(scales)
        aligner = Aligner(frames_FHW3, visible_FHW, scales, self.params.tolerance, kept)
        rgb_FHW3, mask_FHW = on_white(frames_FHW3, visible_FHW), visible_FHW.copy()
        seen = [i for i, patch in enumerate(aligner.patches) if patch is not None]
        for target in seen:
            for source in nearest_first(target, reach, len(frames_FHW3)):
                if (patch := aligner.place(source, target)) is not None:
                    paste_below(rgb_FHW3[target], mask_FHW[target], patch)
        for target in range(len(frames_FHW3)) if seen else ():
            if aligner.patches[target] is None:
                source, patch = _carried(target, seen, aligner, rgb_FHW3, mask_FHW)
                if abs(source - target) <= reach:
                    paste_below(rgb_FHW3[target], mask_FHW[target], patch)
        return Completion(rgb_FHW3, mask_FHW)


def nearest_first(frame: int, reach: int, frames: int) -> Iterator[int]:
    """The other frames within reach, nearest first, the earlier one first of two.

    >>> list(nearest_first(1, 2, 5))
    [0, 2, 3]
    """
    for distance in range(1, reach + 1):
        for other in (frame - distance, frame + distance):
            if 0 <= other < frames:
                yield other


def paste_below(rgb_HW3: np.ndarray, mask_HW: np.ndarray, patch: Patch) -> None:
    """Lay a patch under what is there already, in place; what lies beyond the frame is cut off."""
    height, width = mask_HW.shape
    top, left = max(patch.top, 0), max(patch.left, 0)
    bottom = min(patch.top + patch.mask_hw.shape[0], height)
    right = min(patch.left + patch.mask_hw.shape[1], width)
    if top >= bottom or left >= right:
        return
    inside = slice(top - patch.top, bottom - patch.top), slice(left - patch.left, right - patch.left)
    at = slice(top, bottom), slice(left, right)
    new_hw = (patch.mask_hw[inside] > 0) & (mask_HW[at] == 0)
    rgb_HW3[at][new_hw] = patch.rgb_hw3[inside][new_hw]
    mask_HW[at][new_hw] = 255


def _carried(
    target: int, seen: Sequence[int], aligner: Aligner, rgb_FHW3: np.ndarray, mask_FHW: np.ndarray
) -> tuple[int, Patch]:
    """The completed object of the nearest frame that shows it, moved as far as it has come by ``target``."""
    before = max((i for i in seen if i < target), default=None)
    after = min((i for i in seen if i > target), default=None)
    near = min((i for i in (before, after) if i is not None), key=lambda i: (abs(i - target), i))
    patch = cut(rgb_FHW3[near], mask_FHW[near])
    assert patch is not None
    if before is None or after is None:
        return near, patch
    start, end = aligner.patches[before], aligner.place(before, after) or aligner.patches[after]
    assert start is not None
    assert end is not None
    way = np.subtract(end.centre, start.centre) * (target - near) / (after - before)
    return near, patch.moved(patch.top + round(float(way[0])), patch.left + round(float(way[1])))
