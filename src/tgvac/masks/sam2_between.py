"""Masks between annotated frames by SAM 2: propagated forwards and backwards from the nearest annotations, and joined.

YouTube-VOS annotates every fifth frame; section 3.2 of the paper does not say how the other frames got their masks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from tgvac.clips.track import Track
from tgvac.masks.beliefs import belief
from tgvac.masks.between import Annotations
from tgvac.masks.params import Sam2Params
from tgvac.masks.runtime import Runtime
from tgvac.masks.sam2_session import Session
from tgvac.masks.sam2_weights import load_sam2
from tgvac.masks.segmenter import RawMask

Beliefs = tuple[np.ndarray, np.ndarray]
"""Probability of the object and of any of the others, ``float32 [H,W]`` in [0, 1]."""


class Sam2Between:
    """Segments a track with annotations in some frames."""

    name = "sam2"

    def __init__(self, params: Sam2Params, runtime: Runtime) -> None:
        self._params = params
        self._predictor, self._device = load_sam2(params, runtime)

    def segment(self, track: Track, others: Sequence[Track]) -> Iterator[RawMask]:
        """See `masks.between`; the frames of one gap are in memory at a time."""
        annotations = Annotations(track, others)

        @lru_cache(maxsize=2)
        def propagate(start: int, last: int) -> dict[int, Beliefs]:
            """Each frame after ``start`` up to ``last``, in that direction."""
            mine_HW, theirs = annotations.at(start)
            session = Session(self._predictor, self._device, track, self._params)
            for number, mask_HW in enumerate([mine_HW, *(mask_HW for mask_HW in theirs if mask_HW.any())]):
                session.prompt_mask(start, mask_HW, number)
            found = {}
            for i, logits_NHW in session.follow(start, last):
                beliefs_NHW = belief(logits_NHW)
                found[i] = beliefs_NHW[0], beliefs_NHW[1:].max(axis=0, initial=0)
            return found

        def believe(i: int, nearest: Sequence[int]) -> Beliefs:
            # An annotation without the object has nothing to propagate.
            sides = [k for k in nearest if annotations.shows(k)]
            return self._join([(abs(k - i), propagate(k, self._last(annotations, track, k, i))[i]) for k in sides])

        return annotations.segment(self._params.reach, believe, outlined=True)

    def _last(self, annotations: Annotations, track: Track, k: int, i: int) -> int:
        """The last frame to propagate annotation ``k`` to, towards frame ``i``: before the next one, within reach."""
        known = annotations.known
        if i > k:
            return min([k + self._params.reach, track.meta.frames - 1, *(n - 1 for n in known if n > k)])
        return max([k - self._params.reach, 0, *(n + 1 for n in known if n < k)])

    def _join(self, sides: Sequence[tuple[int, Beliefs]]) -> Beliefs:
        """Join the probabilities of one or two sides, each with its distance; the side before comes first."""
        if self._params.join == "nearest":
            return min(sides, key=lambda side: side[0])[1]
        total = np.float32(sum(1 / distance for distance, _ in sides))
        mine_HW, theirs_HW = (
            np.asarray(sum(beliefs[which] / np.float32(distance) for distance, beliefs in sides) / total, np.float32)
            for which in (0, 1)
        )
        return mine_HW, theirs_HW
