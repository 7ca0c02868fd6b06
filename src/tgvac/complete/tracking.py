"""From a selection in one frame to a visible mask in every frame: forwards, and backwards from the selected frame.

Tracking works on frames of ``tracks.long_side`` pixels. Its files are kept, so that a run that was stopped goes on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np

from tgvac.clips.archive import Store, zip_writing
from tgvac.clips.box import Box
from tgvac.clips.geometry import measure
from tgvac.clips.images import decode_mask, decode_rgb, encode_png, resize_mask, resize_rgb
from tgvac.clips.track import TrackMeta, read_masks_meta, write_track
from tgvac.complete.selection import MaskFrames, Selection
from tgvac.masks.masks_stage import make_masks
from tgvac.masks.opencv import one_thread
from tgvac.masks.params import MasksParams
from tgvac.masks.runtime import HERE, Runtime
from tgvac.masks.verdicts import FAILED, UNKNOWN
from tgvac.progress import with_progress
from tgvac.sources.frames import Frames

FRAMES = "frames.zip"

Size = tuple[int, int]
"""Height and width."""


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
        """The frames in which the object was not found."""
        return []


class GivenMasks(VisibleMasks):
    """Masks that the user gave for all frames."""

    def __init__(self, every: MaskFrames, count: int, height: int, width: int) -> None:
        super().__init__(count, height, width)
        self._every = every

    def _mask(self, i: int) -> np.ndarray:
        return self._every.mask(i)


class TrackedMasks(VisibleMasks):
    """Masks made by a segmenter, from the selected frame to both ends."""

    def __init__(
        self, count: int, height: int, width: int, selection: Selection, after: Path, before: Path | None
    ) -> None:
        super().__init__(count, height, width)
        self._at, self._selected_HW = selection.frame, selection.mask_HW
        self._stores = Store(after), Store(before) if before else None
        self._verdicts = read_masks_meta(after).verdicts, read_masks_meta(before).verdicts if before else ()

    def _where(self, i: int) -> tuple[int, int]:
        """Which run has frame ``i``, and its number there."""
        return (0, i - self._at) if i >= self._at else (1, self._at - i)

    def _mask(self, i: int) -> np.ndarray:
        if i == self._at and self._selected_HW is not None:
            # As the user gave it, in all its pixels.
            return self._selected_HW
        run, k = self._where(i)
        store = self._stores[run]
        assert store is not None
        name = f"masks/{k:05d}.png"
        return decode_mask(store.read(name), store.describe(name))

    def lost(self) -> list[int]:
        found = (self._verdicts[run][k] for run, k in map(self._where, range(len(self))))
        return [i for i, verdict in enumerate(found) if verdict in FAILED or verdict == UNKNOWN]


@dataclass(frozen=True)
class Tracker:
    """Tracks by the segmenter of ``masks.first``.

    Attributes:
        long_side: of the frames that it sees, in pixels.
        work: where its files are kept; a folder of this video and selection alone.
    """

    masks: MasksParams
    long_side: int
    work: Path
    runtime: Runtime = HERE

    def track(self, frames: Frames, count: int, selection: Selection) -> VisibleMasks:
        """The object's visible mask in every frame.

        Raises:
            BadInput: when a frame cannot be read, or has another size than the first.
        """
        height, width = frames.frame(0).shape[:2]
        if selection.every is not None:
            return GivenMasks(selection.every, count, height, width)
        at, made = selection.frame, [self.work / f"{name}-masks.zip" for name in ("after", "before")]
        if not (made[0].is_file() and (made[1].is_file() or not at)):
            self._reduce(frames, count)
        reduced = self.work / FRAMES
        after = self._run("after", reduced, range(at, count), selection, (height, width))
        before = self._run("before", reduced, range(at, -1, -1), selection, (height, width)) if at else None
        for name in (FRAMES, "after.zip", "before.zip"):
            (self.work / name).unlink(missing_ok=True)
        return TrackedMasks(count, height, width, selection, after, before)

    def _reduce(self, frames: Frames, count: int) -> None:
        """All frames at the tracker's size, so that they can be read backwards."""
        path = self.work / FRAMES
        if not path.is_file():
            with zip_writing(path) as sink:
                for i in with_progress(range(count), "reading", count):
                    frame_HW3 = frames.frame(i)
                    height, width = self._size(*frame_HW3.shape[:2])
                    sink.add(f"{i:05d}.png", encode_png(resize_rgb(frame_HW3, height, width)))

    def _size(self, height: int, width: int) -> tuple[int, int]:
        factor = min(1.0, self.long_side / max(height, width))
        return max(1, round(height * factor)), max(1, round(width * factor))

    def _run(self, name: str, reduced: Path, order: Sequence[int], selection: Selection, native: Size) -> Path:
        """The masks of the frames in one direction, from the selected one on."""
        out = self.work / f"{name}-masks.zip"
        if out.is_file():
            return out
        # A track of a single frame has nothing to follow.
        order = order if len(order) > 1 else [order[0], order[0]]
        with Store(reduced) as store:
            size = self._size(*native)
            mask_HW = None if selection.mask_HW is None else resize_mask(selection.mask_HW, *size)
            box = selection.box and selection.box.scaled(size[1] / native[1], size[0] / native[0])
            meta = _meta(len(order), size, mask_HW, box)

            def pixels() -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
                for k, i in enumerate(with_progress(order, f"preparing the frames {name}", len(order))):
                    frame_HW3 = decode_rgb(store.read(f"{i:05d}.png"), str(reduced))
                    yield frame_HW3, mask_HW if k == 0 else None

            track = self.work / f"{name}.zip"
            write_track(track, meta, pixels(), "png")
        print(f"tracking {len(order) - 1} frames {name} frame {order[0]}", flush=True)
        with one_thread():
            make_masks(self.masks, track, (), None, out, self.runtime)
        return out


def _meta(count: int, size: tuple[int, int], mask_HW: np.ndarray | None, box: Box | None) -> TrackMeta:
    rest = (None,) * (count - 1)
    shown = None if mask_HW is None else measure(mask_HW, np.zeros_like(mask_HW))
    return TrackMeta(
        track="video/video/1",
        source="video",
        video="video",
        object="1",
        category="object",
        captions=(),
        licence="",
        fps=0.0,
        height=size[0],
        width=size[1],
        frame_numbers=tuple(range(count)),
        annotated=(mask_HW is not None, *(False,) * (count - 1)),
        geometry=(shown, *rest),
        boxes=() if box is None else (box, *rest),
    )
