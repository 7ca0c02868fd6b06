"""The protocol that every segmenter fills: a track in, a mask, its measurements and a verdict a frame out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tgvac.clip.geometry import FrameGeometry
from tgvac.clip.track import Track
from tgvac.errors import BadInput


@dataclass(frozen=True)
class FrameMask:
    """The mask of one frame, ``uint8 [H,W]``, measured at the best resolution that there is, and a word on it."""

    mask_HW: np.ndarray
    geometry: FrameGeometry
    verdict: str


class Segmenter(Protocol):
    """Yields one :class:`FrameMask` a frame, in order."""

    name: str

    def segment(self, track: Track) -> Iterator[FrameMask]: ...


class Given:
    """Takes the annotations as they are."""

    name = "given"

    def segment(self, track: Track) -> Iterator[FrameMask]:
        for i, geometry in enumerate(track.meta.geometry):
            if geometry is None or not track.has_mask(i):
                raise BadInput(
                    f"{track.meta.track} has no mask for frame {track.meta.frame_numbers[i]};"
                    " the segmenter 'given' needs one in every frame: annotate it or choose another segmenter."
                )
            mask_HW = track.mask(i)
            yield FrameMask(mask_HW, geometry, "given" if mask_HW.any() else "empty")
