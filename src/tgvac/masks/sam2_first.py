"""Masks of a whole video by SAM 2: it tracks the object that a mask or a box selects in the first frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tgvac.clips.track import Track
from tgvac.masks.beliefs import apart, belief, drawn
from tgvac.masks.boxes import given_box
from tgvac.masks.given import annotated
from tgvac.masks.params import Sam2Params
from tgvac.masks.runtime import Runtime
from tgvac.masks.sam2_session import Session
from tgvac.masks.sam2_weights import load_sam2
from tgvac.masks.segmenter import RawMask
from tgvac.masks.verdicts import EMPTY, UNKNOWN


class Sam2First:
    """Segments a track that only has a mask or a box in its first frame."""

    name = "sam2"

    def __init__(self, params: Sam2Params, runtime: Runtime) -> None:
        self._params = params
        self._predictor, self._device = load_sam2(params, runtime)

    def segment(self, track: Track, others: Sequence[Track]) -> Iterator[RawMask]:
        """A given mask is kept exactly; later frames in which SAM 2 finds nothing are ``lost``.

        If the first mask is empty, there is nothing to track, and later frames are ``unknown``. Other objects in the
        first frame are tracked too, because each pixel belongs to one object only.
        """
        first = annotated(track, 0) if track.has_mask(0) else None
        if first is not None and first.verdict == EMPTY:
            yield first
            yield from (RawMask(first.mask_HW, UNKNOWN) for _ in range(1, track.meta.frames))
            return
        session = Session(self._predictor, self._device, track, self._params)
        for number, each in enumerate([track, *others]):
            if each.has_mask(0):
                mask_HW = each.mask(0)
                if mask_HW.any():
                    session.prompt_mask(0, mask_HW, number)
            elif each.meta.boxes and (box := given_box(each, 0)) is not None:
                session.prompt_box(0, box, number)
        for i, logits_NHW in session.follow(0, track.meta.frames - 1):
            if i == 0 and first is not None:
                yield first
                continue
            beliefs_NHW = belief(logits_NHW)
            support_HW, others_HW = apart(beliefs_NHW[0], beliefs_NHW[1:].max(axis=0, initial=0))
            box = given_box(track, 0) if i == 0 and track.meta.boxes else None
            yield drawn(support_HW, box, others_HW)
