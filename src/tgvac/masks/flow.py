"""Masks between annotated frames, along dense optical flow (YouTube-VOS annotates every fifth frame).

A frame asks the nearest annotated frames before and after it. What each says counts by its nearness, by
whether the flow there and back agrees, and by whether the colours agree.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from tgvac.clip.track import Track
from tgvac.masks.dense_flow import DenseFlow, agreement, consistency, fetch
from tgvac.masks.frames import Frames
from tgvac.masks.given import annotated
from tgvac.masks.params import DenseFlowParams, FlowParams
from tgvac.masks.segmenter import RawMask
from tgvac.masks.verdicts import ABSENT, EMPTY, LOST, MADE, UNKNOWN

_DOUBT = np.float32(1e-3)
"""What the least agreement still counts, so that a pixel that nobody is sure of is decided all the same."""


class Flow:
    """Segments a track of which some frames are annotated."""

    name = "flow"

    def __init__(self, params: FlowParams, dense: DenseFlowParams) -> None:
        self._params, self._dense = params, DenseFlow(dense)

    def segment(self, track: Track, others: Sequence[Track]) -> Iterator[RawMask]:
        """Annotated frames keep their mask to the bit; of the others, those out of reach are ``unknown``.

        Before the first annotation that shows the object there is nothing of it: it has not come yet.
        """
        known = [i for i in range(track.meta.frames) if track.has_mask(i)]
        frames = Frames(track, keep=2 * self._params.reach + 2)
        empty_HW = np.zeros((track.meta.height, track.meta.width), np.uint8)

        @lru_cache(maxsize=4)
        def masks_at(i: int) -> tuple[np.ndarray, np.ndarray]:
            """The object and the union of the others in an annotated frame."""
            union_HW = empty_HW.copy()
            for other in others:
                if i < other.meta.frames and other.has_mask(i):
                    union_HW |= other.mask(i)
            return track.mask(i), union_HW

        come = False
        for i in range(track.meta.frames):
            if track.has_mask(i):
                raw = annotated(track, i)
                come = come or raw.verdict != EMPTY
                yield raw
                continue
            near = [known[k] for k in (bisect_left(known, i) - 1, bisect_right(known, i)) if 0 <= k < len(known)]
            asked = [k for k in near if abs(k - i) <= self._params.reach]
            if not come:
                yield RawMask(empty_HW, ABSENT)
            elif not asked:
                yield RawMask(empty_HW, UNKNOWN)
            elif not any(masks_at(k)[0].any() for k in asked):
                yield RawMask(empty_HW, ABSENT)
            else:
                mine_HW, theirs_HW = self._fuse(frames, i, [(k, *masks_at(k)) for k in asked])
                # A pixel belongs to one object.
                mine_HW = np.where(theirs_HW > mine_HW, np.minimum(mine_HW, np.float32(0.49)), mine_HW)
                support_HW = np.floor(mine_HW * 255 + 0.5).astype(np.uint8)
                others_HW = np.where(theirs_HW > mine_HW, np.where(theirs_HW >= 0.5, 255, 0), 0).astype(np.uint8)
                gone = any(not masks_at(k)[0].any() for k in asked)
                verdict = MADE if (support_HW >= 128).any() else ABSENT if gone else LOST
                yield RawMask(support_HW if verdict == MADE else empty_HW, verdict, others_HW=others_HW)

    def _fuse(
        self, frames: Frames, i: int, asked: Sequence[tuple[int, np.ndarray, np.ndarray]]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Belief in the object and in the others, ``float32 [H,W]`` in [0, 1], from annotated frames."""
        shape = frames.grey(i).shape
        mine_HW, theirs_HW, total_HW = (np.zeros(shape, np.float32) for _ in range(3))
        scale = self._params.consistency * max(shape)
        for k, mask_HW, union_HW in asked:
            there_HW2 = self._dense.between(frames.grey(i), frames.grey(k))
            back_HW2 = self._dense.between(frames.grey(k), frames.grey(i))
            weight_HW = consistency(there_HW2, back_HW2, scale) + _DOUBT
            weight_HW *= agreement(frames.rgb(i), frames.rgb(k), there_HW2, self._params.colour) + _DOUBT
            weight_HW /= np.float32(abs(k - i))
            mine_HW += weight_HW * (fetch(mask_HW, there_HW2) / np.float32(255))
            theirs_HW += weight_HW * (fetch(union_HW, there_HW2) / np.float32(255))
            total_HW += weight_HW
        return mine_HW / total_HW, theirs_HW / total_HW
