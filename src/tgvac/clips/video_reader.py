"""Reads the frames of a video file in order, one frame in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from tgvac.clips.container import Facts, aspect_of, damaged, examine, open_container, upright, video_stream
from tgvac.errors import BadInput

if TYPE_CHECKING:
    import av


class VideoReader:
    """Reads the video stream of a file. Reading forwards is cheap; going back starts from the beginning.

    Frames are as they are to be shown (:func:`tgvac.clips.container.upright`).

    Raises:
        BadInput: when the file has no video that can be decoded.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container: av.container.InputContainer | None = None
        self._frames: Iterator[np.ndarray] = iter(())
        self._next = 0
        self._last: tuple[int, np.ndarray] | None = None
        with open_container(path) as container:
            self._stream = video_stream(path, container)
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
        self.close()
        self._container = open_container(self._path)
        self._frames, self._next = self._decode(), 0
        return float(self._container.streams.video[self._stream].average_rate or 0)

    def _decode(self) -> Iterator[np.ndarray]:
        import av

        container = self._container
        assert container is not None
        stream = container.streams.video[self._stream]
        # One thread, so that frame numbers do not depend on the machine.
        stream.thread_type = "NONE"
        aspect = aspect_of(stream)
        try:
            for frame in container.decode(video=self._stream):
                yield upright(frame, aspect)
        except (av.FFmpegError, ValueError) as error:
            raise damaged(self._path, str(error)) from None

    def examine(self) -> Facts:
        """Decode the whole file once: the number of its frames, and what is to be said of them.

        Raises:
            BadInput: when the file was cut.
        """
        facts = examine(self._path)
        self._open()
        return facts

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
