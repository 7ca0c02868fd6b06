"""What every adapter offers, whatever layout lies behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tgvac.clip.box import Box

VOID = 255
"""In annotations: neither an object nor background."""


@dataclass(frozen=True)
class Video:
    """One video of a source.

    Attributes:
        name: its name in the source.
        frame_numbers: the source's number of each frame, ascending.
        digest: of the bytes of all its frames and annotations.
        footage: of the bytes of its frames alone, whatever their names; "" where it was not asked for.
    """

    name: str
    frame_numbers: tuple[int, ...]
    digest: str
    footage: str = ""


@dataclass(frozen=True)
class ObjectInfo:
    """What a source says of one object beyond its pixels."""

    category: str
    captions: tuple[str, ...]


class Adapter(Protocol):
    """Reads one source."""

    def fps(self, video: Video) -> float:
        """Frames a second of a video, 0 when unknown."""
        ...

    def videos(self) -> list[Video]:
        """All videos, sorted by name, each checked to be complete."""
        ...

    def frame(self, video: Video, i: int) -> np.ndarray:
        """Frame ``i``, ``uint8 [H,W,3]``."""
        ...

    def annotation(self, video: Video, i: int) -> np.ndarray | None:
        """The objects' ids of frame ``i``, ``uint8 [H,W]``, 0 background, 255 void; None when not annotated."""
        ...

    def boxes(self, video: Video, i: int) -> dict[int, Box | None] | None:
        """The boxes of frame ``i`` by object id, in the frame's pixels; None for an object that is absent there.

        None instead of a mapping: this layout has no boxes.
        """
        ...

    def info(self, video: Video, object_id: int) -> ObjectInfo:
        """Category and captions of an object."""
        ...
