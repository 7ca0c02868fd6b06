"""What every adapter offers, whatever layout lies behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tgvac.clips.box import Box

VOID = 255
"""In annotations: neither an object nor background."""

BLACK_AND_WHITE = (
    f"holds 0 and {VOID} alone, which are background and void; write the object's id, as 1, in place of {VOID}."
)
"""Of annotations that look like masks of one object."""


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
    """Reads one source.

    To open it, and to name its videos, fails where the source as a whole is of another layout; what is wrong with one
    video alone shows when that video is asked for, so that the others can do without it.

    Attributes:
        passes_links: whether folders inside the source's own are passed over where they are links.
    """

    passes_links: bool = True

    def fps(self, video: Video) -> float:
        """Frames a second of a video, 0 when unknown."""
        ...

    def names(self) -> list[str]:
        """The names of all videos that should be there, sorted."""
        ...

    def video(self, name: str) -> Video:
        """One video, checked to be complete; its pixels are not looked at.

        Raises:
            BadInput: when it is not.
        """
        ...

    def videos(self) -> list[Video]:
        """All videos, sorted by name.

        Raises:
            BadInput: when any is not complete.
        """
        return [self.video(name) for name in self.names()]

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

    def announced(self, video: Video) -> frozenset[int] | None:
        """Ids that the source names apart from its masks; any other must be in the first mask that shows an object.

        None instead of a set: objects may come whenever they like.
        """
        return None

    def info(self, video: Video, object_id: int) -> ObjectInfo:
        """Category and captions of an object."""
        ...
