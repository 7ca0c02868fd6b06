"""The interface of segmenters: they take a track and return a raw mask and a verdict for each frame."""

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
    """The pixels ``[top:bottom, left:right]`` of a frame."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True)
class RawMask:
    """A segmenter's result for one frame, before refinement.

    Attributes:
        support_HW: probability of the object, ``uint8 [H,W]``; pixels of 128 or more belong to the raw mask.
        verdict: one of `masks.verdicts`; only ``made`` is refined.
        geometry: the measurement of an annotation; None if the refined mask has to be measured.
        box: the box from the source, if any.
        limit: if given, no pixel of the mask is outside of it.
        outlined: whether the outline follows the frame's colours already.
        others_HW: other objects of the video, ``uint8 [H,W]`` in {0, 255}, if known.
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
    """Yields one :class:`RawMask` per frame, in order, with bounded memory."""

    name: str

    def segment(self, track: Track, others: Sequence[Track]) -> Iterator[RawMask]:
        """Segment a track; ``others`` are the opened tracks of the other objects of its video."""
        ...
