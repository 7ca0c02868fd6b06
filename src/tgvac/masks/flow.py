"""Masks between annotated frames by dense optical flow (YouTube-VOS annotates every fifth frame).

Each frame combines the nearest annotations before and after it. They are weighted by distance, by forward-backward
consistency of the flow, and by similarity of the colours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tgvac.clips.track import Track
from tgvac.masks.between import Annotations
from tgvac.masks.dense_flow import DenseFlow, agreement, consistency, fetch
from tgvac.masks.frames import Frames
from tgvac.masks.params import DenseFlowParams, FlowParams
from tgvac.masks.segmenter import RawMask

_DOUBT = np.float32(1e-3)
"""Added to the weights, so that pixels without any agreement are decided too."""


class Flow:
    """Segments a track with annotations in some frames."""

    name = "flow"

    def __init__(self, params: FlowParams, dense: DenseFlowParams) -> None:
        self._params, self._dense = params, DenseFlow(dense)

    def segment(self, track: Track, others: Sequence[Track]) -> Iterator[RawMask]:
        """See `masks.between`."""
        annotations = Annotations(track, others)
        frames = Frames(track, keep=2 * self._params.reach + 2)

        def believe(i: int, nearest: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
            masks = [(k, *annotations.at(k)) for k in nearest]
            return self._fuse(frames, i, [(k, mine_HW, _union(mine_HW, theirs)) for k, mine_HW, theirs in masks])

        return annotations.segment(self._params.reach, believe, outlined=False)

    def _fuse(
        self, frames: Frames, i: int, nearest: Sequence[tuple[int, np.ndarray, np.ndarray]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Probability of the object and of the others, ``float32 [H,W]`` in [0, 1], from annotated frames."""
        shape = frames.grey(i).shape
        mine_HW, theirs_HW, total_HW = (np.zeros(shape, np.float32) for _ in range(3))
        scale = self._params.consistency * max(shape)
        for k, mask_HW, union_HW in nearest:
            there_HW2 = self._dense.between(frames.grey(i), frames.grey(k))
            back_HW2 = self._dense.between(frames.grey(k), frames.grey(i))
            weight_HW = consistency(there_HW2, back_HW2, scale) + _DOUBT
            weight_HW *= agreement(frames.rgb(i), frames.rgb(k), there_HW2, self._params.colour) + _DOUBT
            weight_HW /= np.float32(abs(k - i))
            mine_HW += weight_HW * (fetch(mask_HW, there_HW2) / np.float32(255))
            theirs_HW += weight_HW * (fetch(union_HW, there_HW2) / np.float32(255))
            total_HW += weight_HW
        return mine_HW / total_HW, theirs_HW / total_HW


def _union(mine_HW: np.ndarray, theirs: Sequence[np.ndarray]) -> np.ndarray:
    """The union of the others' masks, ``uint8 [H,W]``; ``mine_HW`` gives the size if there are none."""
    union_HW = np.zeros_like(mine_HW)
    for mask_HW in theirs:
        union_HW |= mask_HW
    return union_HW
