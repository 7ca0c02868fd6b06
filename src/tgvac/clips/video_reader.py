"""Frames of a video file, read in order and a frame in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from tgvac.errors import BadInput

if TYPE_CHECKING:
    import av


class VideoReader:
    """Reads the first video stream of a file; going on is cheap, going back starts over.

    Frames are turned as the file says that they are to be shown, as videos of telephones need.

    Raises:
        BadInput: when the file holds no video that can be decoded.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container: av.container.InputContainer | None = None
        self._frames: Iterator[np.ndarray] = iter(())
        self._next = 0
        self._last: tuple[int, np.ndarray] | None = None
        self.fps = self._open()

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._frames = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open(self) -> float:
        """Open the file anew; returns its mean number of frames a second, 0 when it does not say."""
        import av

        self.close()
        try:
            self._container = av.open(str(self._path))
        except (av.FFmpegError, OSError) as error:
            raise self._damaged(str(error)) from None
        streams = self._container.streams.video
        if not streams:
            raise BadInput(f"{self._path} holds no video stream; replace it by a video, or take it out of the folder.")
        self._frames, self._next = self._decoded(), 0
        return float(streams[0].average_rate or 0)

    def _decoded(self) -> Iterator[np.ndarray]:
        import av

        container = self._container
        assert container is not None
        # One thread: a frame of its own number, whatever the machine.
        container.streams.video[0].thread_type = "NONE"
        try:
            for frame in container.decode(video=0):
                quarters = round(frame.rotation / 90) % 4  # counterclockwise
                yield np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), quarters))
        except (av.FFmpegError, ValueError) as error:
            raise self._damaged(str(error)) from None

    def _damaged(self, why: str) -> BadInput:
        return BadInput(
            f"{self._path} is cut short or no video that can be decoded ({why}); replace it by a whole copy."
        )

    def count(self) -> int:
        """How many frames can be decoded; the container's own number is often a guess."""
        self._open()
        count = sum(1 for _ in self._frames)
        self._open()
        return count

    def frame(self, i: int) -> np.ndarray:
        """Frame ``i``, from 0, ``uint8 [H,W,3]``."""
        if self._last is not None and self._last[0] == i:
            return self._last[1]
        if i < self._next:
            self._open()
        for frame_HW3 in self._frames:
            self._next += 1
            if self._next == i + 1:
                self._last = i, frame_HW3
                return frame_HW3
        raise BadInput(f"{self._path} has no frame {i}, which was there when sources were listed; restore the file.")
