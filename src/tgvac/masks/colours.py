"""A memory of colours: which were the object's in earlier frames, and which lay outside of its box.

A box also holds what passes before the object. One frame alone cannot tell the two apart; but what
comes into the box was outside of it before.
"""

from __future__ import annotations

import cv2
import numpy as np

from tgvac.masks.params import ColourMemoryParams


class ColourMemory:
    """Two histograms over L*a*b*, of the object and of all else, that fade with time."""

    def __init__(self, params: ColourMemoryParams) -> None:
        self._params = params
        self._object_C = np.zeros(params.bins**3)
        self._rest_C = np.zeros(params.bins**3)

    def _cells(self, frame_HW3: np.ndarray) -> np.ndarray:
        """The cell of each pixel's colour, ``int64 [H,W]``."""
        bins = self._params.bins
        cells_HW3 = cv2.cvtColor(frame_HW3, cv2.COLOR_RGB2LAB).astype(np.int64) * bins // 256
        return np.asarray((cells_HW3[..., 0] * bins + cells_HW3[..., 1]) * bins + cells_HW3[..., 2])

    def learn(self, frame_HW3: np.ndarray, object_HW: np.ndarray, rest_HW: np.ndarray) -> None:
        """Learn from a frame whose object (``bool [H,W]``) and surely other pixels (likewise) are known."""
        cells_HW = self._cells(frame_HW3)
        for histogram_C, where_HW in ((self._object_C, object_HW), (self._rest_C, rest_HW)):
            if where_HW.any():
                counts_C = np.bincount(cells_HW[where_HW], minlength=len(histogram_C))
                histogram_C *= self._params.keep
                histogram_C += counts_C / counts_C.sum()

    def foreign(self, frame_HW3: np.ndarray, blur: float) -> np.ndarray:
        """Pixels whose colours are known from elsewhere and not from the object, ``bool [H,W]``.

        Args:
            blur: standard deviation, in pixels, over which neighbours are heard; a single pixel says little.
        """
        if not (self._object_C.any() and self._rest_C.any()):
            return np.zeros(frame_HW3.shape[:2], bool)
        floor = self._params.floor
        object_C, rest_C = self._object_C / self._object_C.sum(), self._rest_C / self._rest_C.sum()
        chance_C = (object_C + floor) / (object_C + rest_C + 2 * floor)
        chance_HW = cv2.GaussianBlur(chance_C[self._cells(frame_HW3)].astype(np.float32), (0, 0), blur)
        return np.asarray(chance_HW < self._params.background_below)
