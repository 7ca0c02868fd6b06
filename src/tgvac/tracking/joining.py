"""The object in every frame, tracked from all anchors: between two of them, both sides are joined."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt

from tgvac.clips.images import decode_mask, encode_mask
from tgvac.errors import BadInput
from tgvac.masks.refine import FrameMask
from tgvac.masks.truth import iou
from tgvac.masks.verdicts import FAILED, LOST, UNKNOWN
from tgvac.tracking.follower import Anchor, Follower
from tgvac.tracking.selection import Marks
from tgvac.tracking.stretch import Video

FOUND, DOUBTFUL = "found", "doubtful"
_ALIKE = 0.5
"""The least IoU of two sides that are taken for the same object."""


@dataclass(frozen=True)
class Tracked:
    """One frame: ``found``, ``doubtful`` (a mask that jumps, or does not fit the given box), or ``lost``.

    Attributes:
        mask_HW: ``uint8 [H,W]`` in {0, 255}; empty if the object is lost.
    """

    mask_HW: np.ndarray
    verdict: str


class _Run:
    """What a follower found from one anchor in one direction, made as far as it is asked for."""

    def __init__(self, steps: Iterator[FrameMask], on_step: Callable[[], None]) -> None:
        self._steps, self._on_step = steps, on_step
        # As PNG, so that a long video fits in memory.
        self._found: list[tuple[bytes, str]] = []

    def at(self, distance: int) -> Tracked:
        """At so many frames from the anchor."""
        while len(self._found) <= distance:
            step = next(self._steps)
            self._found.append((encode_mask(step.mask_HW), _verdict(step)))
            self._on_step()
        data, verdict = self._found[distance]
        return Tracked(decode_mask(data, "a tracked mask"), verdict)


def _verdict(step: FrameMask) -> str:
    if step.verdict in (LOST, UNKNOWN) or not step.mask_HW.any():
        return LOST
    return DOUBTFUL if step.verdict in FAILED else FOUND


class Joined:
    """The object in every frame of a video.

    Args:
        on_step: called for each frame that was tracked.
    """

    def __init__(self, follower: Follower, video: Video, on_step: Callable[[], None] = lambda: None) -> None:
        self._follower, self._video, self._on_step = follower, video, on_step
        self._anchors: dict[int, Anchor] = {}
        self._given: list[Anchor] = []
        self._runs: dict[tuple[int, int], _Run] = {}
        self.unused: list[int] = []
        """Frames whose points correct nothing, because the object is not found there."""

    def settle(self, marked: Sequence[Marks]) -> None:
        """Make an anchor of each marked frame.

        Boxes and masks stand alone. Points correct what is tracked to their frame, and stand alone where nothing is.

        Raises:
            BadInput: when points leave nothing of the object, or a mask shows nothing.
        """
        alone = [marks for marks in marked if marks.box or marks.mask_HW is not None]
        alone = alone or [next(marks for marks in marked if marks.points)]
        self._given = [self._follower.start(self._video, marks) for marks in alone]
        for anchor in self._given:
            self._add(anchor)
        for marks in marked:
            if marks.frame in self._anchors:
                continue
            tracked = self.at(marks.frame)
            if tracked.verdict != LOST:
                self._add(self._follower.correct(self._video, marks, tracked.mask_HW))
            elif marks.points:
                self._add(self._follower.start(self._video, marks))
            else:
                self.unused.append(marks.frame)

    def _add(self, anchor: Anchor) -> None:
        if anchor.mask_HW is not None and not anchor.mask_HW.any():
            if anchor.marks.mask_HW is not None:
                raise BadInput(
                    f"The mask of frame {anchor.frame} shows nothing; mark what is seen of the object there."
                )
            raise BadInput(
                f"The points of frame {anchor.frame} leave nothing of the object; give other points, or a box or a mask"
                " there."
            )
        self._anchors[anchor.frame] = anchor

    def at(self, i: int) -> Tracked:
        """The object in frame ``i``."""
        known = sorted(self._anchors)
        before = [known[k] for k in (bisect_right(known, i) - 1,) if k >= 0]
        after = [known[k] for k in (bisect_left(known, i),) if k < len(known)]
        if not before or before == after:
            # An anchor's own frame: as it is followed forwards from there.
            sides = before or after
            return self._run(sides[0], 1 if before else -1).at(abs(i - sides[0]))
        found = self._run(before[0], 1).at(i - before[0])
        if not after:
            return found
        return join(found, self._run(after[0], -1).at(after[0] - i), i - before[0], after[0] - i)

    def _run(self, at: int, step: int) -> _Run:
        if (at, step) not in self._runs:
            frames = self._follower.run(self._video, self._anchors[at], self._given, step)
            self._runs[at, step] = _Run(frames, self._on_step)
        return self._runs[at, step]


def join(before: Tracked, after: Tracked, since: int, until: int) -> Tracked:
    """What two anchors say about a frame that is ``since`` frames after the one and ``until`` before the other.

    The side that found the object is taken. If both did, and mean the same, outlines lie between, nearer to those of
    the nearer anchor; else the nearer anchor is right.
    """
    rank = [FOUND, DOUBTFUL, LOST]
    if before.verdict != after.verdict:
        return min(before, after, key=lambda side: rank.index(side.verdict))
    overlap = iou(before.mask_HW, after.mask_HW)
    if before.verdict == LOST or overlap is None or overlap < _ALIKE:
        return before if since <= until else after
    inside_HW = until * _depth(before.mask_HW) + since * _depth(after.mask_HW)
    return Tracked(np.where(inside_HW > 0, 255, 0).astype(np.uint8), before.verdict)


def _depth(mask_HW: np.ndarray) -> np.ndarray:
    """How far inside of a mask each pixel is, in pixels; negative outside."""
    # Beyond the frame is outside, so that a mask may fill it.
    inside = np.pad(mask_HW > 0, 1)
    depth = distance_transform_edt(inside) - distance_transform_edt(~inside)
    return np.asarray(depth[1:-1, 1:-1], np.float32)
