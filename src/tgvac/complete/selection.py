"""What a user selects an object by: a box or a mask in one frame, or a mask in every frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tgvac.clips.box import Box, fault_of
from tgvac.clips.mask_values import read_mask
from tgvac.clips.pictures import SUFFIXES
from tgvac.errors import BadInput
from tgvac.sources.frames import FrameFolder, Frames, open_frames


class MaskFrames:
    """A mask for each frame of a video, from a folder of pictures or from a video.

    Raises:
        BadInput: when there are more or fewer than ``count``, or they have another size than the video.
    """

    def __init__(self, path: Path, count: int, height: int, width: int) -> None:
        self._frames, self._path = open_frames(path), path
        self._size = height, width
        found = self._frames.examine().count
        if found != count:
            raise BadInput(f"--mask {path} has {found} masks, the video {count} frames; give one mask a frame.")
        if not any(self.mask(i).any() for i in range(count)):
            raise BadInput(f"--mask {path} shows nothing in any frame; mark what is seen of the object.")

    def mask(self, i: int) -> np.ndarray:
        """The mask of frame ``i``, ``uint8 [H,W]`` in {0, 255}; empty where the object is hidden."""
        if isinstance(self._frames, FrameFolder):
            name = self._frames.names[i]
            where = self._frames.store.describe(name)
            mask_HW = read_mask(self._frames.store.read(name), where)[0]
        else:
            # A video is grey at best, and lossy.
            where = f"{self._path}, frame {i},"
            mask_HW = np.where(self._frames.frame(i).mean(axis=2) >= 128, 255, 0).astype(np.uint8)
        _check_mask(mask_HW, where, *self._size)
        return mask_HW


@dataclass(frozen=True)
class Selection:
    """An object, selected in one frame or in all.

    Attributes:
        frame: where it is selected, from 0.
        box: around what is seen of it, in pixels; None if there is a mask.
        mask_HW: what is seen of it, ``uint8 [H,W]`` in {0, 255}, at the video's size; None if there is a box.
        every: its masks in all frames, so that nothing has to be tracked; else None.
    """

    frame: int
    box: Box | None = None
    mask_HW: np.ndarray | None = None
    every: MaskFrames | None = None


def read_box(text: str) -> Box:
    """A box from ``x,y,w,h``.

    Raises:
        BadInput: when it is not four numbers, or has no area.
    """
    try:
        x, y, w, h = (float(part) for part in text.split(","))
    except ValueError:
        raise BadInput(f"--box {text} is not x,y,w,h; give four numbers in pixels, such as 120,40,200,160.") from None
    if not (np.isfinite([x, y, w, h]).all() and w > 0 and h > 0):
        raise BadInput(f"--box {text} has no area; give x,y,w,h with a positive width and height.")
    return Box(x=x, y=y, w=w, h=h)


def select(frames: Frames, count: int, frame: int, box: str, mask: Path | None) -> Selection:
    """The selection that the options describe, checked against the video.

    Args:
        count: frames of the video.
        frame: the frame that it is about.
        box: ``x,y,w,h``, or "".
        mask: a picture; or a folder or a video of one mask a frame.

    Raises:
        BadInput: when nothing is selected, or it does not fit the video.
    """
    if bool(box) == (mask is not None):
        raise BadInput("Select the object by --box x,y,w,h or by --mask FILE, one of the two.")
    if not 0 <= frame < count:
        raise BadInput(f"--frame {frame} is not in the video, which has {count} frames, from 0 to {count - 1}.")
    height, width = frames.frame(frame).shape[:2]
    if box:
        found = read_box(box)
        if fault := fault_of(found, height, width):
            raise BadInput(f"--box {box} {fault}")
        return Selection(frame, box=found)
    assert mask is not None
    if not mask.exists():
        raise BadInput(f"--mask {mask} does not exist; give a picture, or a folder or video of one mask a frame.")
    if mask.is_dir() or mask.suffix.lower() not in SUFFIXES:
        return Selection(frame, every=MaskFrames(mask, count, height, width))
    found_HW, _ = read_mask(mask.read_bytes(), str(mask))
    _check_mask(found_HW, str(mask), height, width)
    if not found_HW.any():
        raise BadInput(f"--mask {mask} shows nothing; mark what is seen of the object in frame {frame}.")
    return Selection(frame, mask_HW=found_HW)


def _check_mask(mask_HW: np.ndarray, name: str, height: int, width: int) -> None:
    if mask_HW.shape != (height, width):
        raise BadInput(
            f"--mask {name} is {mask_HW.shape[1]}x{mask_HW.shape[0]}, the video {width}x{height}; give a mask of its"
            " size."
        )
