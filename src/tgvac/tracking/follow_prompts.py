"""Follows an object from prompts without weights (:mod:`tgvac.masks.follow`); points are cut out by colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tgvac.masks.follow import Follow
from tgvac.masks.params import MasksParams
from tgvac.masks.refine import FrameMask, Refinement
from tgvac.tracking.colour_cut import corrected, cut_around
from tgvac.tracking.follower import Anchor
from tgvac.tracking.selection import Marks
from tgvac.tracking.stretch import Stretch, Video


class FollowPrompts:
    """A follower without weights; each run knows its own anchor alone."""

    def __init__(self, params: MasksParams) -> None:
        self._params = params

    def start(self, video: Video, marks: Marks) -> Anchor:
        if marks.mask_HW is not None or not (marks.points or marks.not_points):
            return Anchor(marks, marks.mask_HW)
        frame_HW3 = video.frame(marks.frame)
        return Anchor(marks, cut_around(frame_HW3, marks.points, marks.not_points, marks.box))

    def correct(self, video: Video, marks: Marks, mask_HW: np.ndarray) -> Anchor:
        return Anchor(marks, corrected(video.frame(marks.frame), mask_HW, marks.points, marks.not_points))

    def run(self, video: Video, anchor: Anchor, given: Sequence[Anchor], step: int) -> Iterator[FrameMask]:
        order = range(anchor.frame, video.count if step > 0 else -1, step)
        box = anchor.marks.box if anchor.mask_HW is None else None
        stretch = Stretch(video, order, anchor.mask_HW, box)
        follow = Follow(self._params.follow, self._params.dense_flow)
        refinement = Refinement(self._params.refine, self._params.gates, self._params.dense_flow)
        return refinement.refine(stretch, follow.segment(stretch, ()))
