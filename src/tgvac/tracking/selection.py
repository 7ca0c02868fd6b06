"""A user's selection, checked against the video: what is marked in which frame, or a mask in every frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tgvac.clips.box import Box, fault_of
from tgvac.clips.images import resize_mask
from tgvac.clips.mask_values import read_mask
from tgvac.errors import BadInput
from tgvac.sources.frames import FrameFolder, Frames, open_frames
from tgvac.tracking.prompts import NOTHING, Point, Prompt, Selection, check_prompts


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
class Marks:
    """What is marked in one frame.

    Attributes:
        frame: from 0.
        box: around what is seen of the object, in pixels.
        points, not_points: on the object, and on something else, in pixels.
        mask_HW: what is seen of it, ``uint8 [H,W]`` in {0, 255}; then there is nothing else.
    """

    frame: int
    box: Box | None = None
    points: tuple[Point, ...] = ()
    not_points: tuple[Point, ...] = ()
    mask_HW: np.ndarray | None = None

    def resized(self, before: tuple[int, int], now: tuple[int, int]) -> Marks:
        """The marks after their frame of height and width ``before`` was resized to ``now``; no mask vanishes."""
        down, across = now[0] / before[0], now[1] / before[1]
        points, not_points = (tuple((x * across, y * down) for x, y in each) for each in (self.points, self.not_points))
        box = self.box and self.box.scaled(across, down)
        mask_HW = None if self.mask_HW is None else _resized(self.mask_HW, *now)
        return Marks(self.frame, box, points, not_points, mask_HW)


def _resized(mask_HW: np.ndarray, height: int, width: int) -> np.ndarray:
    """A resized mask; if it is too thin for that, all pixels that it touches."""
    found_HW = resize_mask(mask_HW, height, width)
    if not found_HW.any():
        rows, columns = np.nonzero(mask_HW)
        found_HW[rows * height // mask_HW.shape[0], columns * width // mask_HW.shape[1]] = 255
    return found_HW


@dataclass(frozen=True)
class Selected:
    """An object, selected by marks in some frames or by masks in all.

    Attributes:
        marks: one for each marked frame, in their order.
        every: its masks in all frames, so that nothing has to be tracked; else None.
    """

    marks: tuple[Marks, ...] = ()
    every: MaskFrames | None = None


def select(frames: Frames, count: int, selection: Selection) -> Selected:
    """A selection, checked against its video of ``count`` frames.

    Raises:
        BadInput: when nothing is selected, prompts contradict each other, or they do not fit the video.
    """
    if selection.every and selection.prompts:
        raise BadInput(f"--mask {selection.every} has a mask of every frame already; leave every other prompt out.")
    if selection.every:
        path = _existing(selection.every)
        return Selected(every=MaskFrames(path, count, *frames.frame(0).shape[:2]))
    if not selection.prompts:
        raise BadInput(NOTHING)
    check_prompts(selection.prompts)
    for prompt in selection.prompts:
        if not 0 <= prompt.frame < count:
            raise BadInput(
                f"frame {prompt.frame} (of --frame, or before the colon of {_option(prompt)}) is not in the video,"
                f" which has {count} frames, from 0 to {count - 1}."
            )
    prompts = sorted(selection.prompts, key=lambda prompt: prompt.frame)
    return Selected(tuple(_marks(prompt, *frames.frame(prompt.frame).shape[:2]) for prompt in prompts))


def _option(prompt: Prompt) -> str:
    given = {"--box": prompt.box, "--mask": prompt.mask, "--point": prompt.points, "--not-point": prompt.not_points}
    return next(name for name, value in given.items() if value)


def _marks(prompt: Prompt, height: int, width: int) -> Marks:
    if (box := prompt.box) is not None:
        named = f"--box {box.x:g},{box.y:g},{box.w:g},{box.h:g} of frame {prompt.frame}"
        if fault := fault_of(box, height, width):
            raise BadInput(f"{named} {fault}")
        if box.x < 0 or box.y < 0 or box.x + box.w > width or box.y + box.h > height:
            print(f"{named} reaches beyond its frame of {width}x{height}; the part inside is used.", flush=True)
    for option, points in (("--point", prompt.points), ("--not-point", prompt.not_points)):
        for x, y in points:
            where = f"{option} {x:g},{y:g} of frame {prompt.frame}"
            if not (0 <= x < width and 0 <= y < height):
                raise BadInput(f"{where} is outside its frame of {width}x{height}; correct it.")
            if max(x, y) <= 1 and (x % 1 or y % 1):
                raise BadInput(f"{where} lies within one pixel; write x and y in pixels, not in shares of the frame.")
    mask_HW = _mask(prompt, height, width) if prompt.mask else None
    return Marks(prompt.frame, prompt.box, prompt.points, prompt.not_points, mask_HW)


def _existing(name: str) -> Path:
    path = Path(name)
    if not path.exists():
        raise BadInput(f"--mask {path} does not exist; give a picture, or a folder or video of one mask a frame.")
    return path


def _mask(prompt: Prompt, height: int, width: int) -> np.ndarray:
    path = _existing(prompt.mask)
    found_HW, _ = read_mask(path.read_bytes(), str(path))
    _check_mask(found_HW, str(path), height, width)
    if not found_HW.any():
        raise BadInput(f"--mask {path} shows nothing; mark what is seen of the object in frame {prompt.frame}.")
    return found_HW


def _check_mask(mask_HW: np.ndarray, name: str, height: int, width: int) -> None:
    if mask_HW.shape != (height, width):
        raise BadInput(
            f"--mask {name} is {mask_HW.shape[1]}x{mask_HW.shape[0]}, the video {width}x{height}; give a mask of its"
            " size."
        )
