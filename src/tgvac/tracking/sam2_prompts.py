"""Tracks an object from prompts by SAM 2: boxes, points and masks in any frames, either way.

A run attends to the nearest of all given prompts, also of those that are ahead, and to what it saw last. So an object
that leaves is found when it returns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tgvac.clips.track import Track
from tgvac.devices import network_step
from tgvac.masks.beliefs import belief, drawn, quantised
from tgvac.masks.given import annotated
from tgvac.masks.params import MasksParams
from tgvac.masks.refine import FrameMask, Refinement
from tgvac.masks.runtime import Runtime
from tgvac.masks.sam2_session import Session
from tgvac.masks.sam2_weights import load_sam2
from tgvac.masks.segmenter import RawMask
from tgvac.tracking.follower import Anchor
from tgvac.tracking.selection import Marks
from tgvac.tracking.stretch import Stretch, Video


class Sam2Prompts:
    """A follower by SAM 2's video predictor, with its weights loaded."""

    def __init__(self, params: MasksParams, runtime: Runtime) -> None:
        self._params = params
        self._predictor, self._device = load_sam2(params.sam2, runtime)

    def start(self, video: Video, marks: Marks) -> Anchor:
        return Anchor(marks, marks.mask_HW)

    def correct(self, video: Video, marks: Marks, mask_HW: np.ndarray) -> Anchor:
        session = self._session(Stretch(video, [marks.frame]))
        session.prompt_mask(0, mask_HW)
        # The points find the mask's output in the session, and SAM 2 starts from it.
        session.prompt_marks(0, marks)
        ((_, logits_1HW),) = session.follow(0, 0)
        return Anchor(marks, np.where(logits_1HW[0] > 0, 255, 0).astype(np.uint8))

    def run(self, video: Video, anchor: Anchor, given: Sequence[Anchor], step: int) -> Iterator[FrameMask]:
        # The whole video in that direction, so that prompts behind the anchor have a place.
        order = range(video.count) if step > 0 else range(video.count - 1, -1, -1)
        session = self._session(Stretch(video, order))
        for each in [*(each for each in given if each.frame != anchor.frame), anchor]:
            session.prompt(order.index(each.frame), each)
        onwards = order[order.index(anchor.frame) :]
        stretch = Stretch(video, onwards, anchor.mask_HW)
        refinement = Refinement(self._params.refine, self._params.gates, self._params.dense_flow)
        steps = session.follow(order.index(anchor.frame), len(order) - 1)
        return refinement.refine(stretch, _drawn(stretch, anchor, steps))

    def _session(self, track: Track) -> _Session:
        return _Session(self._predictor, self._device, track, self._params.sam2)


class _Session(Session):
    """A session that takes points, too, and forgets no prompt: those that are ahead are nearer than they look."""

    def prompt(self, i: int, anchor: Anchor) -> None:
        """Prompt frame ``i`` of the session's track with an anchor."""
        if anchor.mask_HW is not None:
            self.prompt_mask(i, anchor.mask_HW)
        else:
            self.prompt_marks(i, anchor.marks)

    def prompt_marks(self, i: int, marks: Marks) -> None:
        """Prompt frame ``i`` with a box, points, or both."""
        points_N2 = np.array([*marks.points, *marks.not_points], np.float32).reshape(-1, 2)
        labels_N = np.array([1] * len(marks.points) + [0] * len(marks.not_points), np.int32)
        box = marks.box
        corners = None if box is None else np.array([box.x, box.y, box.x + box.w, box.y + box.h], np.float32)
        with network_step(self._device, self._params.precision):
            self._predictor.add_new_points_or_box(
                self._state, frame_idx=i, obj_id=0, points=points_N2, labels=labels_N, box=corners
            )
            self._remember()

    def _drop(self, i: int, backwards: bool) -> None:
        """Drop what no frame after ``i`` can attend to, but for the prompts, of which a person gives few."""
        for outputs in self._state["output_dict_per_obj"].values():
            passed = [t for t in outputs["non_cond_frame_outputs"] if i - t >= self._reach]
            for t in passed:
                del outputs["non_cond_frame_outputs"][t]
        for tracked in self._state["frames_tracked_per_obj"].values():
            for t in [t for t in tracked if i - t >= self._reach]:
                del tracked[t]


def _drawn(stretch: Stretch, anchor: Anchor, steps: Iterator[tuple[int, np.ndarray]]) -> Iterator[RawMask]:
    """Raw masks from logits; the anchor's own mask is kept exactly."""
    for k, (_, logits_1HW) in enumerate(steps):
        if k == 0 and anchor.mask_HW is not None:
            yield annotated(stretch, 0)
        else:
            yield drawn(quantised(belief(logits_1HW[0])), anchor.marks.box if k == 0 else None)
