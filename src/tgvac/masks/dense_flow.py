"""Dense optical flow between two frames, and warping along it."""

from __future__ import annotations

import cv2
import numpy as np

from tgvac.masks.params import DenseFlowParams

_LEAST = 32
"""Dense inverse search needs a few patches of 8 pixels along each side."""


class DenseFlow:
    """Dense inverse search (Kroeger et al., 2016)."""

    def __init__(self, params: DenseFlowParams) -> None:
        presets = {
            "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
            "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
            "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
        }
        self._search = cv2.DISOpticalFlow.create(presets[params.preset])
        self._search.setFinestScale(params.finest_scale)

    def between(self, here_HW: np.ndarray, there_HW: np.ndarray) -> np.ndarray:
        """The flow from one grey frame ``uint8 [H,W]`` to another.

        Returns:
            ``float32 [H,W,2]``: displacement to the right and down, in pixels.
        """
        height, width = here_HW.shape
        pads = (0, max(0, _LEAST - height), 0, max(0, _LEAST - width))
        if any(pads):
            here_HW = cv2.copyMakeBorder(here_HW, *pads, cv2.BORDER_REPLICATE)
            there_HW = cv2.copyMakeBorder(there_HW, *pads, cv2.BORDER_REPLICATE)
        flow_HW2 = self._search.calc(here_HW, there_HW, None)
        return np.ascontiguousarray(flow_HW2[:height, :width])


def fetch(there: np.ndarray, flow_HW2: np.ndarray, beyond: int = cv2.BORDER_CONSTANT) -> np.ndarray:
    """Warp another frame along the flow; values outside of it are 0, or given by ``beyond``.

    Args:
        there: ``[H,W]`` or ``[H,W,C]``, ``uint8`` or ``float32``.
        beyond: an OpenCV border type.
    """
    height, width = flow_HW2.shape[:2]
    x_HW, y_HW = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(
        cv2.remap(there, x_HW + flow_HW2[..., 0], y_HW + flow_HW2[..., 1], cv2.INTER_LINEAR, borderMode=beyond)
    )


def agreement(here_HW3: np.ndarray, there_HW3: np.ndarray, flow_HW2: np.ndarray, scale: float) -> np.ndarray:
    """Similarity of the colours that a flow connects, ``float32 [H,W]`` in (0, 1]: ``exp(-(difference / scale)^2)``.

    Args:
        scale: mean difference of the channels, in grey levels, at which the value is 1/e.
    """
    moved_HW3 = fetch(there_HW3, flow_HW2, cv2.BORDER_REPLICATE)
    difference_HW = cv2.absdiff(here_HW3, moved_HW3).mean(axis=2, dtype=np.float32)
    return np.asarray(np.exp(-((difference_HW / np.float32(scale)) ** 2)))


def consistency(there_HW2: np.ndarray, back_HW2: np.ndarray, scale: float) -> np.ndarray:
    """Forward-backward consistency of a flow, ``float32 [H,W]`` in (0, 1]; 1 if it returns to the same point.

    Args:
        scale: distance in pixels at which the value is 1/e.
    """
    round_HW2 = there_HW2 + fetch(back_HW2, there_HW2, cv2.BORDER_REPLICATE)
    return np.asarray(np.exp(-(round_HW2**2).sum(axis=2) / np.float32(scale**2)))
