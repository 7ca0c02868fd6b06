"""A video at the tracker's size, as a track that begins anywhere and runs either way."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from tgvac.clips.archive import Store, zip_writing
from tgvac.clips.box import Box
from tgvac.clips.geometry import measure
from tgvac.clips.images import decode_rgb, encode_png, resize_rgb
from tgvac.clips.track import Track, TrackMeta
from tgvac.progress import with_progress
from tgvac.sources.frames import Frames

Size = tuple[int, int]
"""Height and width."""


def reduced_size(height: int, width: int, long_side: int) -> Size:
    """The size of a frame whose longer side is at most ``long_side``."""
    factor = min(1.0, long_side / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def reduce_frames(frames: Frames, count: int, size: Size, path: Path) -> None:
    """Write all frames at a size, so that they can be read backwards."""
    if path.is_file():
        return
    with zip_writing(path) as sink:
        for i in with_progress(range(count), "reading", count):
            sink.add(f"{i:05d}.png", encode_png(resize_rgb(frames.frame(i), *size)))


class Video(Protocol):
    """The frames that a follower sees.

    Attributes:
        count: frames.
        size: height and width.
    """

    count: int
    size: Size

    def frame(self, i: int) -> np.ndarray:
        """Frame ``i``, ``uint8 [H,W,3]``."""
        ...


class FramesInMemory:
    """Frames ``uint8 [F,H,W,3]`` as they are."""

    def __init__(self, frames_FHW3: np.ndarray) -> None:
        self._frames_FHW3 = frames_FHW3
        self.count, self.size = len(frames_FHW3), (frames_FHW3.shape[1], frames_FHW3.shape[2])

    def frame(self, i: int) -> np.ndarray:
        return np.asarray(self._frames_FHW3[i])


class StoredVideo:
    """The reduced frames of a video; use it as a context manager."""

    def __init__(self, path: Path, count: int, size: Size) -> None:
        self._store, self._path = Store(path), path
        self.count, self.size = count, size

    def __enter__(self) -> StoredVideo:
        return self

    def __exit__(self, *error: object) -> None:
        self._store.__exit__(None, None, None)

    def frame(self, i: int) -> np.ndarray:
        """Frame ``i``, ``uint8 [H,W,3]``."""
        return decode_rgb(self._store.read(f"{i:05d}.png"), str(self._path))


class Stretch(Track):
    """Some frames of a video in an order of their own, with a mask or a box in the first, as segmenters take it.

    Args:
        order: the video's frames.
        mask_HW: of the object in the first of them, ``uint8 [H,W]`` in {0, 255}.
        box: around the object there, if it has no mask.
    """

    def __init__(
        self, video: Video, order: Sequence[int], mask_HW: np.ndarray | None = None, box: Box | None = None
    ) -> None:
        self._video, self._order, self._mask_HW = video, order, mask_HW
        rest = (None,) * (len(order) - 1)
        self.meta = TrackMeta(
            track="video/video/1",
            source="video",
            video="video",
            object="1",
            category="object",
            captions=(),
            licence="",
            fps=0.0,
            height=video.size[0],
            width=video.size[1],
            frame_numbers=tuple(range(len(order))),
            annotated=(mask_HW is not None, *(False,) * len(rest)),
            geometry=(None if mask_HW is None else measure(mask_HW, np.zeros_like(mask_HW)), *rest),
            boxes=() if box is None else (box, *rest),
        )

    def frame(self, i: int) -> np.ndarray:
        return self._video.frame(self._order[i])

    def has_mask(self, i: int) -> bool:
        return i == 0 and self._mask_HW is not None

    def mask(self, i: int) -> np.ndarray:
        assert self._mask_HW is not None
        return self._mask_HW
