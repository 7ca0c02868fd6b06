"""Reads the frames of a video file in order, one frame in memory at a time."""

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
    """Reads the first video stream of a file. Reading forwards is cheap; going back starts from the beginning.

    Frames are rotated as the file's metadata says, which videos of phones need.

    Raises:
        BadInput: when the file has no video that can be decoded.
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
        """Close the file."""
        self._frames = iter(())
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open(self) -> float:
        """Open the file again from the beginning; returns its mean frames per second, 0 if unknown."""
        import av

        self.close()
        try:
            self._container = av.open(str(self._path))
        except (av.FFmpegError, OSError) as error:
            raise self._damaged(str(error)) from None
        streams = self._container.streams.video
        if not streams:
            raise BadInput(f"{self._path} has no video stream; replace it with a video, or remove it from the folder.")
        self._frames, self._next = self._decode(), 0
        return float(streams[0].average_rate or 0)

    def _decode(self) -> Iterator[np.ndarray]:
        import av

        container = self._container
        assert container is not None
        # One thread, so that frame numbers do not depend on the machine.
        container.streams.video[0].thread_type = "NONE"
        try:
            for frame in container.decode(video=0):
                quarters = round(frame.rotation / 90) % 4  # counterclockwise
                yield np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), quarters))
        except (av.FFmpegError, ValueError) as error:
            raise self._damaged(str(error)) from None

    def _damaged(self, why: str) -> BadInput:
        return BadInput(
            f"{self._path} is truncated, or not a video that can be decoded ({why}); replace it with an intact copy."
        )

    def count(self) -> int:
        """The number of frames that can be decoded; the number in the container is often wrong."""
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
