"""From a selection to a visible mask in every frame: ``Tracker(…).track(frames, count, select(frames, count, …))``.

Tracking works on frames of ``tracks.long_side`` pixels. Its result is kept, so that a run that was stopped goes on.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import overload

import numpy as np

from tgvac.clips.archive import Store, zip_writing
from tgvac.clips.images import decode_mask, encode_mask, resize_mask
from tgvac.masks.opencv import one_thread
from tgvac.masks.params import MasksParams
from tgvac.masks.runtime import HERE, Runtime
from tgvac.masks.verdicts import LOST
from tgvac.progress import Progress
from tgvac.sources.frames import Frames
from tgvac.tracking.follow_prompts import FollowPrompts
from tgvac.tracking.follower import Follower
from tgvac.tracking.joining import DOUBTFUL, Joined
from tgvac.tracking.selection import Marks, MaskFrames, Selected
from tgvac.tracking.stretch import FramesInMemory, StoredVideo, Video, reduce_frames, reduced_size

_FRAMES, _MASKS, _VERDICTS = "frames.zip", "masks.zip", "verdicts.json"


class VisibleMasks(Sequence[np.ndarray], ABC):
    """The visible mask of each frame, ``uint8 [H,W]`` in {0, 255} at the video's size; one in memory at a time."""

    def __init__(self, count: int, height: int, width: int) -> None:
        self._count, self._height, self._width = count, height, width

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, i: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, i: slice) -> list[np.ndarray]: ...
    def __getitem__(self, i: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(i, slice):
            return [self[k] for k in range(self._count)[i]]
        return resize_mask(self._mask(range(self._count)[i]), self._height, self._width)

    @abstractmethod
    def _mask(self, i: int) -> np.ndarray:
        """The mask of frame ``i`` at any size."""

    def lost(self) -> list[int]:
        """The frames in which the object was not found; their masks are empty."""
        return []

    def doubtful(self) -> list[int]:
        """The frames whose mask jumps from the frame before, or does not fit the given box."""
        return []

    def unused(self) -> list[int]:
        """The frames whose points correct nothing, because the object was not found there."""
        return []


class GivenMasks(VisibleMasks):
    """Masks that the user gave for all frames."""

    def __init__(self, every: MaskFrames, count: int, height: int, width: int) -> None:
        super().__init__(count, height, width)
        self._every = every

    def _mask(self, i: int) -> np.ndarray:
        return self._every.mask(i)


class TrackedMasks(VisibleMasks):
    """Masks that were tracked, from their file; those that the user gave are in it as they are, in all their pixels."""

    def __init__(self, path: Path, marks: Sequence[Marks], count: int, height: int, width: int) -> None:
        super().__init__(count, height, width)
        self._store = Store(path)
        self._given = {each.frame: each.mask_HW for each in marks if each.mask_HW is not None}
        facts = json.loads(self._store.read(_VERDICTS))
        self._lost, self._doubtful, self._unused = (facts[name] for name in ("lost", "doubtful", "unused"))

    def _mask(self, i: int) -> np.ndarray:
        if i in self._given:
            return self._given[i]
        name = f"{i:05d}.png"
        return decode_mask(self._store.read(name), self._store.describe(name))

    def lost(self) -> list[int]:
        return list(self._lost)

    def doubtful(self) -> list[int]:
        return list(self._doubtful)

    def unused(self) -> list[int]:
        return list(self._unused)


def follower_of(masks: MasksParams, runtime: Runtime) -> Follower:
    """The follower that ``masks.first`` names: ``follow`` or ``sam2``.

    Raises:
        BadInput: when its weights or its device are not available.
    """
    if masks.first == "sam2":
        from tgvac.tracking.sam2_prompts import Sam2Prompts

        return Sam2Prompts(masks, runtime)
    return FollowPrompts(masks)


def local_weights_of(masks: MasksParams, runtime: Runtime) -> list[str]:
    """Digests of the weights that the follower loads; none for one without."""
    return [runtime.digest(masks.sam2.weights)] if masks.first == "sam2" else []


def track_in_memory(frames_FHW3: np.ndarray, marks: Marks, masks: MasksParams, runtime: Runtime = HERE) -> np.ndarray:
    """The visible mask of an object that is marked in one frame, ``uint8 [F,H,W]`` in {0, 255}; empty where it is lost.

    Args:
        frames_FHW3: ``uint8``, at the size that the tracker sees.
    """
    with one_thread():
        joined = Joined(follower_of(masks, runtime), FramesInMemory(frames_FHW3))
        joined.settle([marks])
        return np.stack([joined.at(i).mask_HW for i in range(len(frames_FHW3))])


@dataclass(frozen=True)
class Tracker:
    """Tracks by the follower of ``masks.first``.

    Attributes:
        long_side: of the frames that it sees, in pixels.
        work: where its files are kept; a folder of this video and selection alone.
    """

    masks: MasksParams
    long_side: int
    work: Path
    runtime: Runtime = HERE

    def track(self, frames: Frames, count: int, selected: Selected) -> VisibleMasks:
        """The object's visible mask in every frame.

        Raises:
            BadInput: when a frame cannot be read, or has another size than the first; when the follower cannot be
                loaded; when points leave nothing of the object.
        """
        height, width = frames.frame(0).shape[:2]
        if selected.every is not None:
            return GivenMasks(selected.every, count, height, width)
        if not (self.work / _MASKS).is_file():
            follower, size = follower_of(self.masks, self.runtime), reduced_size(height, width, self.long_side)
            reduce_frames(frames, count, size, self.work / _FRAMES)
            marks = [each.resized((height, width), size) for each in selected.marks]
            with StoredVideo(self.work / _FRAMES, count, size) as video, one_thread():
                self._write(follower, video, marks)
        (self.work / _FRAMES).unlink(missing_ok=True)
        return TrackedMasks(self.work / _MASKS, selected.marks, count, height, width)

    def _write(self, follower: Follower, video: Video, marks: Sequence[Marks]) -> None:
        total, done = _steps([each.frame for each in marks], video.count), 0
        with Progress("tracking", total) as progress:

            def step() -> None:
                nonlocal done
                if done < total:
                    # A frame that points correct is tracked once more.
                    done += 1
                    progress.step()

            joined = Joined(follower, video, step)
            joined.settle(marks)
            facts: dict[str, list[int]] = {LOST: [], DOUBTFUL: [], "unused": joined.unused}
            with zip_writing(self.work / _MASKS) as sink:
                for i in range(video.count):
                    tracked = joined.at(i)
                    sink.add(f"{i:05d}.png", encode_mask(tracked.mask_HW))
                    if tracked.verdict in facts:
                        facts[tracked.verdict].append(i)
                sink.add(_VERDICTS, json.dumps(facts).encode())


def _steps(marked: Sequence[int], count: int) -> int:
    """How many frames are tracked: those between two marked ones from both, and the rest from one."""
    first, last = marked[0], marked[-1]
    between = sum((b - a) * (2 if b - a > 1 else 1) for a, b in pairwise(marked))
    return (first + 1 if first else 0) + between + count - last
