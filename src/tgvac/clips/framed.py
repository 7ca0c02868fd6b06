"""A clip framed to the model's square, as training reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from tgvac.clips.clip import Clip
from tgvac.clips.framing import FramingParams, Window, frame_masks, frame_rgb, frame_video, windows_of
from tgvac.clips.images import on_white

Seen = Callable[[np.ndarray], np.ndarray]
"""Turns the visible masks ``uint8 [F,H,W]`` of a clip into the model's input, for example with a tracker's errors."""


@dataclass(frozen=True)
class FramedClip:
    """The frames, masks and whole objects of a clip, cropped to the windows of the input masks.

    Attributes:
        sample, track: the clip's id, and the key of its caption.
        frames_FSS3: the input video, ``uint8``.
        visible_FSS: the visible masks, ``uint8`` in {0, 255}.
        whole_FSS3: the whole object on white, ``uint8``.
    """

    sample: str
    track: str
    frames_FSS3: np.ndarray
    visible_FSS: np.ndarray
    whole_FSS3: np.ndarray

    @classmethod
    def empty(cls, sample: str, track: str, frames: int, size: int) -> FramedClip:
        """An uninitialised clip to write to.

        It is one block of memory. The C library would return several blocks to the system when they are freed, and new
        pages for every clip cost as much time as framing it.
        """
        area = frames * size * size
        data = np.empty(7 * area, np.uint8)
        images, masks_FSS = data[: 6 * area].reshape(2, frames, size, size, 3), data[6 * area :]
        return cls(sample, track, images[0], masks_FSS.reshape(frames, size, size), images[1])

    def of(self, frames: Sequence[int]) -> FramedClip:
        """Some of its frames, with the same framing."""
        at = list(frames)
        return FramedClip(self.sample, self.track, self.frames_FSS3[at], self.visible_FSS[at], self.whole_FSS3[at])


def frame_clip(clip: Clip, framing: FramingParams, seen: Seen | None = None) -> FramedClip:
    """Frame a clip that was rendered at full size."""
    seen_FHW = seen(clip.visible_FHW) if seen else clip.visible_FHW
    windows = windows_of(framing, seen_FHW)
    return FramedClip(
        sample=clip.sample,
        track=clip.track,
        frames_FSS3=frame_video(framing, clip.frames_FHW3, windows, framing.pad),
        visible_FSS=frame_masks(framing, seen_FHW, windows),
        whole_FSS3=frame_video(framing, clip.whole_FHW3, windows, 255),
    )


def frame_whole(image_HW3: np.ndarray, mask_HW: np.ndarray, window: Window, size: int) -> np.ndarray:
    """The masked part of a frame on white, cropped to a window, ``uint8 [size,size,3]``.

    The padding is white too, so only the mask's box has to be processed.
    """
    x, y, w, h = cv2.boundingRect(mask_HW)
    if not w:
        return np.full((size, size, 3), 255, np.uint8)
    part_HW3 = on_white(image_HW3[y : y + h, x : x + w], mask_HW[y : y + h, x : x + w])
    return frame_rgb(part_HW3, Window(window.top - y, window.left - x, window.side), size, 255)


class ClipSource(Protocol):
    """A source of clips: rendered recipes, or image pairs as clips of one frame."""

    def samples(self) -> tuple[str, ...]:
        """The ids of all clips, sorted."""
        ...

    def length(self, sample: str) -> int:
        """The number of frames of a clip."""
        ...

    def render(self, sample: str, frames: Iterable[int] | None = None) -> Clip:
        """A clip, or only some of its frames; always the same bits."""
        ...

    def framed(
        self, sample: str, framing: FramingParams, frames: Iterable[int] | None = None, seen: Seen | None = None
    ) -> FramedClip:
        """A clip, or only some of its frames, framed for a model."""
        ...
