"""The frames of one video of a user: a video file, or a folder of pictures that are a series."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from tgvac.clips.archive import Store
from tgvac.clips.container import Facts
from tgvac.clips.pictures import read_picture
from tgvac.clips.video_reader import VideoReader
from tgvac.errors import BadInput
from tgvac.sources.series import Series, find_series


class Frames(Protocol):
    """The frames of a video."""

    @property
    def fps(self) -> float:
        """Frames per second; 0 where it is not known."""
        ...

    def examine(self) -> Facts:
        """The number of frames, and what is to be said of them."""
        ...

    def frame(self, i: int) -> np.ndarray:
        """Frame ``i``, from 0, ``uint8 [H,W,3]``."""
        ...


class FrameFolder:
    """Frames as pictures, in the order of their numbers."""

    fps = 0.0

    def __init__(self, path: Path, series: Series) -> None:
        self.store, self.names, self._said = Store(path), series.frames, series.said

    def examine(self) -> Facts:
        """The number of frames, and how the first was read."""
        _, said = self._read(0)
        return Facts(len(self.names), (*self._said, *([said] if said else [])))

    def frame(self, i: int) -> np.ndarray:
        if i >= len(self.names):
            raise BadInput(f"{self.store.path} no longer has frame {i}; restore it.")
        return self._read(i)[0]

    def _read(self, i: int) -> tuple[np.ndarray, str]:
        return read_picture(self.store.read(self.names[i]), self.store.describe(self.names[i]))


class SameSize:
    """Frames that must all have the size of the first one."""

    def __init__(self, frames: Frames, name: str) -> None:
        self._frames, self._name = frames, name
        self._size: tuple[int, int] | None = None

    @property
    def fps(self) -> float:
        return self._frames.fps

    def examine(self) -> Facts:
        return self._frames.examine()

    def frame(self, i: int) -> np.ndarray:
        """Frame ``i``.

        Raises:
            BadInput: when it has another size than the first frame that was read.
        """
        frame_HW3 = self._frames.frame(i)
        size = frame_HW3.shape[0], frame_HW3.shape[1]
        self._size = self._size or size
        if size != self._size:
            raise BadInput(
                f"{self._name}: frame {i} is {size[1]}x{size[0]}, another one {self._size[1]}x{self._size[0]}; all"
                " frames must have the same size."
            )
        return frame_HW3


def open_frames(path: Path) -> Frames:
    """Open a video file, or a folder of its frames.

    Raises:
        BadInput: when there is no such file, or it is neither.
    """
    if not path.exists():
        raise BadInput(f"{path} does not exist; give a video file, or a folder with its frames as pictures.")
    if not path.is_dir():
        return VideoReader(path)
    series = find_series((p.name for p in path.iterdir() if p.is_file()), str(path))
    if series is None:
        raise BadInput(f"{path} has no series of pictures such as 0001.png, 0002.png; give the folder of the frames.")
    return FrameFolder(path, series)
