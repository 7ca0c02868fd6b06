"""Masks of a whole video from its first frame by SAM 2: what the user selected there, mask or box, is followed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tgvac.clips.track import Track
from tgvac.masks.beliefs import apart, belief, drawn
from tgvac.masks.boxes import given_box
from tgvac.masks.given import annotated
from tgvac.masks.params import Sam2Params
from tgvac.masks.place import Place
from tgvac.masks.sam2_session import Session
from tgvac.masks.sam2_weights import load_sam2
from tgvac.masks.segmenter import RawMask
from tgvac.masks.verdicts import EMPTY, UNKNOWN


class Sam2First:
    """Segments a track that has a mask or a box in its first frame and nothing after."""

    name = "sam2"

    def __init__(self, params: Sam2Params, place: Place) -> None:
        self._params = params
        self._predictor, self._device = load_sam2(params, place)

    def segment(self, track: Track, others: Sequence[Track]) -> Iterator[RawMask]:
        """A given mask is kept to the bit; after it, frames in which SAM 2 sees nothing are ``lost``.

        Where the first frame's mask is empty there is nothing to follow, and later frames are ``unknown``. Other
        objects of the video are followed, too, as far as their first frame shows them: a pixel belongs to one.
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
