"""What one visitor has on the page: a video, the frame that is shown, marks, and the tracked object."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from tgvac.app.drawing import draw, in_video, painted, shown_size
from tgvac.app.marking import Marking
from tgvac.app.results import OnPage
from tgvac.app.videos import Video
from tgvac.clips.pictures import read_picture
from tgvac.errors import BadInput
from tgvac.tracking.prompts import Point, Prompt

Mode = Literal["Object", "Not this", "Box", "Paint"]
"""What a click in the frame says."""


@dataclass(frozen=True)
class Tracked:
    """The tracked object.

    Attributes:
        prompts: what was marked when it was tracked.
        masks: one for each frame, ``uint8 [H,W]`` in {0, 255}.
        lost, doubtful, unused: frames, as in :class:`tgvac.tracking.tracker.VisibleMasks`.
    """

    prompts: tuple[Prompt, ...]
    masks: Sequence[np.ndarray]
    lost: tuple[int, ...] = ()
    doubtful: tuple[int, ...] = ()
    unused: tuple[int, ...] = ()


@dataclass(frozen=True)
class Session:
    """A visitor's state; each step gives a new one."""

    video: Video | None = None
    frame: int = 0
    mode: Mode = "Object"
    marking: Marking = field(default_factory=Marking)
    tracked: Tracked | None = None

    def opened(self) -> Video:
        """The visitor's video.

        Raises:
            BadInput: when none is open.
        """
        if self.video is None:
            raise BadInput("Open a video first.")
        return self.video

    def at(self, frame: int) -> Session:
        """Another frame is shown."""
        return replace(self, frame=min(max(frame, 0), self.opened().known.count - 1))

    def using(self, mode: Mode) -> Session:
        """Clicks say something else."""
        return replace(self, mode=mode)

    def clicked(self, x: float, y: float) -> Session:
        """A click on pixel ``x, y`` of the shown frame; it says nothing while the frame is painted.

        Raises:
            BadInput: when it cannot be: see :class:`tgvac.app.marking.Marking`.
        """
        if self.mode == "Paint":
            return self
        point = in_video(x, y, self._shown(), self._size())
        marks = self.marking
        added = {"Object": marks.with_point, "Not this": marks.with_not_point, "Box": marks.with_corner}
        return replace(self, marking=added[self.mode](self.frame, point))

    def with_strokes(self, frame: int, layers: list[np.ndarray]) -> Session:
        """The painted strokes become the mask of a frame, and painting ends.

        Raises:
            BadInput: when nothing is painted.
        """
        mask_HW = painted(layers)
        if mask_HW is None:
            raise BadInput("Nothing is painted; paint over what is seen of the object, then press “Use this mask”.")
        file = self.opened().keep_mask(mask_HW)
        return replace(self, marking=self.marking.with_mask(frame, str(file)), mode="Object")

    def cleared(self) -> Session:
        """Nothing is marked in the shown frame."""
        return replace(self, marking=self.marking.without(self.frame))

    def undone(self) -> Session:
        """Before the last mark."""
        return replace(self, marking=self.marking.undone())

    def picture(self) -> np.ndarray:
        """The shown frame with the marks, and with the painted or tracked mask, ``uint8 [H,W,3]``."""
        prompt = self.marking.at(self.frame)
        if prompt.mask:
            found = read_picture(Path(prompt.mask).read_bytes(), prompt.mask)[0]
            mask: np.ndarray | None = np.where(found[..., 0] > 0, 255, 0).astype(np.uint8)
        else:
            mask = None if self.tracked is None else self.tracked.masks[self.frame]
        shown_HW3 = self.opened().frame(self.frame)
        return draw(shown_HW3, self._size(), mask, prompt, self._corner())

    def plain(self) -> np.ndarray:
        """The shown frame alone, to paint on."""
        return self.opened().frame(self.frame)

    @property
    def outdated(self) -> bool:
        """Whether the marks have changed since the object was tracked."""
        return self.tracked is not None and self.tracked.prompts != self.marking.prompts

    def _corner(self) -> Point | None:
        return self.marking.corner_at(self.frame)

    def _size(self) -> tuple[int, int]:
        known = self.opened().known
        return known.height, known.width

    def _shown(self) -> tuple[int, int]:
        return shown_size(*self._size())


class Visitor:
    """Holds a visitor's session, which events change one after the other, also while a job goes on.

    Attributes:
        results: what is on the page to see and download.
    """

    _turn = threading.Lock()

    def __init__(self) -> None:
        self.session = Session()
        self.results = OnPage()

    def change(self, edit: Callable[[Session], Session]) -> Session:
        """Edit the session; if the edit fails, it stays as it was."""
        with self._turn:
            self.session = edit(self.session)
            return self.session
