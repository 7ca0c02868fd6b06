"""Masks from boxes by SAM 2: it tracks the object through the video, and given boxes correct it regularly.

The first frame of a stretch with boxes is a prompt, and then every few frames. Prompted frames are segmented
independently. Frames in between attend to the prompts on both sides, so the next prompt is given before them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

import numpy as np

from tgvac.clips.track import Track
from tgvac.masks.beliefs import belief, drawn, quantised
from tgvac.masks.boxes import given_box
from tgvac.masks.params import Sam2Params
from tgvac.masks.runtime import Runtime
from tgvac.masks.sam2_session import Session
from tgvac.masks.sam2_weights import load_sam2
from tgvac.masks.segmenter import RawMask
from tgvac.masks.verdicts import ABSENT


class Sam2Boxes:
    """Segments a track with boxes and without masks."""

    name = "sam2"

    def __init__(self, params: Sam2Params, runtime: Runtime) -> None:
        self._params = params
        self._predictor, self._device = load_sam2(params, runtime)

    def segment(self, track: Track, others: Sequence[Track]) -> Iterator[RawMask]:
        """Yields an empty mask if the object is absent, or if SAM 2 finds nothing (``lost``).

        After an absence, tracking starts again from the box in which the object comes back.
        """
        empty_HW = np.zeros((track.meta.height, track.meta.width), np.uint8)
        for there, positions in groupby(range(track.meta.frames), lambda i: track.meta.boxes[i] is not None):
            if there:
                yield from self._stretch(track, list(positions))
            else:
                yield from (RawMask(empty_HW, ABSENT) for _ in positions)

    def _stretch(self, track: Track, positions: Sequence[int]) -> Iterator[RawMask]:
        session = Session(self._predictor, self._device, track, self._params)
        prompts = positions[:: self._params.prompt_every]
        self._prompt(session, track, prompts[0])
        for start, end in pairwise([*prompts, positions[-1] + 1]):
            if end <= positions[-1]:
                self._prompt(session, track, end)
            for i, logits_NHW in session.follow(start, end - 1):
                yield drawn(quantised(belief(logits_NHW[0])), given_box(track, i))

    @staticmethod
    def _prompt(session: Session, track: Track, i: int) -> None:
        box = given_box(track, i)
        if box is None:
            raise ValueError(f"{track.meta.track} has no box at position {i} to prompt with")
        session.prompt_box(i, box)
