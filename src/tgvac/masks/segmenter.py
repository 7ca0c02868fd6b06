"""The protocol that every segmenter fills: a track in, the raw mask of each frame and a word on it out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tgvac.clips.box import Box
from tgvac.clips.geometry import FrameGeometry
from tgvac.clips.track import Track


@dataclass(frozen=True)
class Rectangle:
    """Whole pixels ``[top:bottom, left:right]`` of a frame."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True)
class RawMask:
    """What a segmenter says of one frame, before refinement.

    Attributes:
        support_HW: belief in the object, ``uint8 [H,W]``; from 128 on a pixel belongs to the raw mask.
        verdict: a word of `masks.verdicts`; ``made`` asks for refinement, all else is left as it is.
        geometry: where the annotation was measured already; else None, and the refined mask is measured.
        box: the box that the source gives, if any.
        limit: no pixel of the mask lies outside of it, where it is given.
        outlined: whether the frame's own colours have drawn its outline.
        others_HW: other objects of the video, ``uint8 [H,W]`` in {0, 255}, as far as they are known.
    """

    support_HW: np.ndarray
    verdict: str
    geometry: FrameGeometry | None = None
    box: Box | None = None
    limit: Rectangle | None = None
    outlined: bool = False
    others_HW: np.ndarray | None = None

    @property
    def mask_HW(self) -> np.ndarray:
        """The raw mask, ``uint8 [H,W]`` in {0, 255}."""
        return np.where(self.support_HW >= 128, 255, 0).astype(np.uint8)


class Segmenter(Protocol):
    """Yields one :class:`RawMask` a frame, in order, with bounded memory."""

    name: str

    def segment(self, track: Track, others: Sequence[Track]) -> Iterator[RawMask]:
        """Segment a track; ``others`` are the other objects of its video, open."""
        ...
