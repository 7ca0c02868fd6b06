"""Remembers the colours of the object and of the surroundings of its box in earlier frames.

A box also contains occluders. A single frame cannot distinguish them from the object, but an occluder that enters the
box was outside of it before.
"""

from __future__ import annotations

import cv2
import numpy as np

from tgvac.masks.params import ColourMemoryParams


def cells(frame_HW3: np.ndarray, bins: int) -> np.ndarray:
    """The cell of each pixel's colour in L*a*b*, ``int64 [H,W]`` in [0, bins^3)."""
    cells_HW3 = cv2.cvtColor(frame_HW3, cv2.COLOR_RGB2LAB).astype(np.int64) * bins // 256
    return np.asarray((cells_HW3[..., 0] * bins + cells_HW3[..., 1]) * bins + cells_HW3[..., 2])


def object_chance(frame_HW3: np.ndarray, belief_HW: np.ndarray, bins: int, floor: float) -> np.ndarray:
    """The probability of the object given each pixel's colour, ``float32 [H,W]`` in (0, 1); 0.5 is undecided.

    Args:
        belief_HW: current probability of the object, ``float32 [H,W]`` in [0, 1]; it weights each pixel in the colour
            histograms of the object and of the background.
        bins: histogram bins per channel.
        floor: probability of a colour that was never seen.
    """
    cells_HW = cells(np.ascontiguousarray(frame_HW3), bins)
    chances = []
    for weight_HW in (belief_HW, 1 - belief_HW):
        counts_C = np.bincount(cells_HW.ravel(), weights=weight_HW.ravel(), minlength=bins**3)
        chances.append(counts_C / max(float(counts_C.sum()), 1.0) + floor)
    chance_C = chances[0] / (chances[0] + chances[1])
    return np.asarray(chance_C[cells_HW], np.float32)


class ColourMemory:
    """Two histograms over L*a*b*, of the object and of the rest; old frames are forgotten over time."""

    def __init__(self, params: ColourMemoryParams) -> None:
        self._params = params
        self._object_C = np.zeros(params.bins**3)
        self._rest_C = np.zeros(params.bins**3)

    def learn(self, frame_HW3: np.ndarray, object_HW: np.ndarray, rest_HW: np.ndarray) -> None:
        """Learn from a frame with its object and the pixels that are certainly not the object, both ``bool [H,W]``."""
        cells_HW = cells(frame_HW3, self._params.bins)
        for histogram_C, where_HW in ((self._object_C, object_HW), (self._rest_C, rest_HW)):
            if where_HW.any():
                counts_C = np.bincount(cells_HW[where_HW], minlength=len(histogram_C))
                np.multiply(histogram_C, self._params.keep, out=histogram_C)
                np.add(histogram_C, counts_C / counts_C.sum(), out=histogram_C)

    def foreign(self, frame_HW3: np.ndarray, blur: float) -> np.ndarray:
        """Pixels whose colours were seen outside of the object but not in it, ``bool [H,W]``.

        Args:
            blur: standard deviation of a Gaussian over neighbouring pixels, in pixels; a single pixel is unreliable.
        """
        if not (self._object_C.any() and self._rest_C.any()):
            return np.zeros(frame_HW3.shape[:2], bool)
        floor = self._params.floor
        object_C, rest_C = self._object_C / self._object_C.sum(), self._rest_C / self._rest_C.sum()
        chance_C = (object_C + floor) / (object_C + rest_C + 2 * floor)
        chance_HW = cv2.GaussianBlur(chance_C[cells(frame_HW3, self._params.bins)].astype(np.float32), (0, 0), blur)
        return np.asarray(chance_HW < self._params.background_below)
