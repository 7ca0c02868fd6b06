"""A cache of a track's frames: each is decoded once, and a bounded number is in memory."""

from __future__ import annotations

from collections import OrderedDict

import cv2
import numpy as np

from tgvac.clips.track import Track


class Frames:
    """Frames by position; the last ``keep`` used frames are cached."""

    def __init__(self, track: Track, keep: int) -> None:
        self._track, self._keep = track, keep
        self._seen: OrderedDict[int, tuple[np.ndarray, np.ndarray]] = OrderedDict()

    def _find(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        if i not in self._seen:
            frame_HW3 = np.ascontiguousarray(self._track.frame(i))
            self._seen[i] = frame_HW3, cv2.cvtColor(frame_HW3, cv2.COLOR_RGB2GRAY)
        self._seen.move_to_end(i)
        while len(self._seen) > self._keep:
            self._seen.popitem(last=False)
        return self._seen[i]

    def rgb(self, i: int) -> np.ndarray:
        """Frame ``i``, ``uint8 [H,W,3]``."""
        return self._find(i)[0]

    def grey(self, i: int) -> np.ndarray:
        """Frame ``i`` in grey, ``uint8 [H,W]``."""
        return self._find(i)[1]
