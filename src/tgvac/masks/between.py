"""Common to all segmenters between annotated frames: which annotations a frame uses, and its verdict."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from tgvac.clips.track import Track
from tgvac.masks.beliefs import apart
from tgvac.masks.given import annotated
from tgvac.masks.segmenter import RawMask
from tgvac.masks.verdicts import ABSENT, EMPTY, LOST, MADE, UNKNOWN

Believe = Callable[[int, Sequence[int]], tuple[np.ndarray, np.ndarray]]
"""Returns probabilities ``float32 [H,W]`` of the object and of the others at a position, from annotated positions."""


class Annotations:
    """The annotated frames of a track, and of the other objects of its video."""

    def __init__(self, track: Track, others: Sequence[Track]) -> None:
        self._track, self._others = track, others
        self.known = [i for i in range(track.meta.frames) if track.has_mask(i)]
        self.at = lru_cache(maxsize=4)(self._at)

    def _at(self, i: int) -> tuple[np.ndarray, list[np.ndarray]]:
        """The object's mask in an annotated frame, and the masks of the others that are annotated there too."""
        others = [o.mask(i) for o in self._others if i < o.meta.frames and o.has_mask(i)]
        return self._track.mask(i), others

    def shows(self, i: int) -> bool:
        """Whether the object is visible in an annotated frame."""
        return bool(self.at(i)[0].any())

    def segment(self, reach: int, believe: Believe, outlined: bool) -> Iterator[RawMask]:
        """Annotated frames keep their exact mask; other frames use the nearest annotations before and after them.

        A frame out of reach of all annotations is ``unknown``. Before the first annotation that shows the object, it is
        ``absent``, because it has not appeared yet.

        Args:
            reach: maximum distance to an annotation, in frames.
            believe: called if at least one of the annotations shows the object.
            outlined: whether the outlines of ``believe`` follow the frame's colours.
        """
        meta, appeared = self._track.meta, False
        empty_HW = np.zeros((meta.height, meta.width), np.uint8)
        for i in range(meta.frames):
            if self._track.has_mask(i):
                raw = annotated(self._track, i)
                appeared = appeared or raw.verdict != EMPTY
                yield raw
                continue
            nearest = self._nearest(i, reach)
            if not appeared:
                yield RawMask(empty_HW, ABSENT)
            elif not nearest:
                yield RawMask(empty_HW, UNKNOWN)
            elif not any(self.shows(k) for k in nearest):
                yield RawMask(empty_HW, ABSENT)
            else:
                support_HW, others_HW = apart(*believe(i, nearest))
                gone = not all(self.shows(k) for k in nearest)
                verdict = MADE if (support_HW >= 128).any() else ABSENT if gone else LOST
                support_HW = support_HW if verdict == MADE else empty_HW
                yield RawMask(support_HW, verdict, outlined=outlined, others_HW=others_HW)

    def _nearest(self, i: int, reach: int) -> list[int]:
        """The nearest annotated positions on both sides that are within reach."""
        sides = (bisect_left(self.known, i) - 1, bisect_right(self.known, i))
        near = [self.known[k] for k in sides if 0 <= k < len(self.known)]
        return [k for k in near if abs(k - i) <= reach]
