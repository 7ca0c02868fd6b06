"""The interface that all adapters share, whatever the layout of their source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tgvac.clips.box import Box
from tgvac.clips.mask_values import VOID
from tgvac.sources.account import Row

BLACK_AND_WHITE = (
    f"has only the values 0 and {VOID}, but the source lists several objects; write each object's id instead of {VOID}."
)
"""The message for masks in black and white, where it is not known which object is white."""


@dataclass(frozen=True)
class Video:
    """One video of a source.

    Attributes:
        name: its name in the source.
        frame_numbers: the number of each frame in the source, ascending.
        digest: of the bytes of all frames and annotations.
        footage: digest of the bytes of the frames only, whatever their names; "" when it is not known.
    """

    name: str
    frame_numbers: tuple[int, ...]
    digest: str
    footage: str = ""


@dataclass(frozen=True)
class ObjectInfo:
    """What a source states about one object, apart from its pixels."""

    category: str
    captions: tuple[str, ...]


class Adapter(Protocol):
    """Reads one source.

    Opening it and listing its videos fails when the whole source has another layout. A fault of a single video is
    raised when that video is read, so the other videos remain usable.

    Attributes:
        passes_links: whether linked folders inside the source are skipped.
    """

    passes_links: bool = True

    def fps(self, video: Video) -> float:
        """Frames per second of a video; 0 when unknown."""
        ...

    def names(self) -> list[str]:
        """The names of all videos that the source should have, sorted."""
        ...

    def video(self, name: str) -> Video:
        """One video, after a check that it is complete. No pixels are decoded.

        Raises:
            BadInput: when it is not complete.
        """
        ...

    def account(self, rejected: Mapping[str, str]) -> list[Row]:
        """What became of each file of the source, once its videos were listed.

        Args:
            rejected: why videos are left out, by name.
        """
        ...

    def videos(self) -> list[Video]:
        """All videos, sorted by name.

        Raises:
            BadInput: when one of them is not complete.
        """
        return [self.video(name) for name in self.names()]

    def frame(self, video: Video, i: int) -> np.ndarray:
        """Frame ``i``, ``uint8 [H,W,3]``."""
        ...

    def annotation(self, video: Video, i: int) -> np.ndarray | None:
        """The object ids of frame ``i``, ``uint8 [H,W]``: 0 background, 255 void. None when it is not annotated."""
        ...

    def white_object(self, video: Video) -> int | None:
        """The object that is white if all masks of a video have 0 and 255 alone; None if that is not known."""
        return 1

    def boxes(self, video: Video, i: int) -> dict[int, Box | None] | None:
        """The boxes of frame ``i`` by object id, in pixels of the frame; None for an object that is absent.

        None instead of a mapping when there are no boxes.
        """
        ...

    def announced(self, video: Video) -> frozenset[int] | None:
        """Ids that the source lists outside its masks; all other ids must be in the first mask that shows an object.

        None instead of a set when objects may appear at any time.
        """
        return None

    def info(self, video: Video, object_id: int) -> ObjectInfo:
        """Category and captions of an object."""
        ...
