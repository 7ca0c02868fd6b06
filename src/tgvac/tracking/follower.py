"""What tracks an object for ``tgvac complete``: from an anchor, a frame where the object is known, either way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tgvac.masks.refine import FrameMask
from tgvac.tracking.selection import Marks
from tgvac.tracking.stretch import Video


@dataclass(frozen=True)
class Anchor:
    """A frame from which the object is tracked.

    Attributes:
        marks: what the user marked there, at the tracker's size.
        mask_HW: the object there, ``uint8 [H,W]`` in {0, 255}, where it is known; else the marks tell.
    """

    marks: Marks
    mask_HW: np.ndarray | None = None

    @property
    def frame(self) -> int:
        return self.marks.frame


class Follower(Protocol):
    """Tracks an object through a video."""

    def start(self, video: Video, marks: Marks) -> Anchor:
        """An anchor from marks that stand alone: a box, points or a mask."""
        ...

    def correct(self, video: Video, marks: Marks, mask_HW: np.ndarray) -> Anchor:
        """An anchor from the mask that was tracked to a frame, ``uint8 [H,W]``, and the points that correct it."""
        ...

    def run(self, video: Video, anchor: Anchor, given: Sequence[Anchor], step: int) -> Iterator[FrameMask]:
        """Track from an anchor, whose own frame comes first, to an end of the video.

        Args:
            given: all anchors that do not depend on tracking; a follower may look at them, too.
            step: 1 forwards, -1 backwards.
        """
        ...
