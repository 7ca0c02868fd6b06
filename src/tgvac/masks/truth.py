"""Ground truth of visible masks; the procedural world has it, real data sets do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tgvac.clips.archive import Store
from tgvac.clips.images import decode_mask, resize_mask
from tgvac.clips.track import TrackMeta


class Truth:
    """A ``truth.zip``: members ``<video>/<object>/visible/00000.png``, by position, at the source's resolution."""

    def __init__(self, path: Path) -> None:
        self._store = Store(path)

    def visible(self, meta: TrackMeta, i: int) -> np.ndarray:
        """The true visible mask of frame ``i`` at the track's resolution, ``uint8 [H,W]`` in {0, 255}."""
        name = f"{meta.video}/{meta.object}/visible/{i:05d}.png"
        mask_HW = decode_mask(self._store.read(name), self._store.describe(name))
        return resize_mask(mask_HW, meta.height, meta.width)


def iou(a_HW: np.ndarray, b_HW: np.ndarray) -> float | None:
    """IoU of two masks, in [0, 1]; None if both are empty."""
    either = np.count_nonzero((a_HW > 0) | (b_HW > 0))
    return np.count_nonzero((a_HW > 0) & (b_HW > 0)) / either if either else None
