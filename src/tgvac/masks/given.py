"""Annotations of every frame, taken as they are (paper, section 3.2: DAVIS's "provided masks")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tgvac.clips.track import Track
from tgvac.errors import BadInput
from tgvac.masks.segmenter import RawMask
from tgvac.masks.verdicts import EMPTY, GIVEN


def annotated(track: Track, i: int) -> RawMask:
    """The annotation of frame ``i``, with the measurement that was taken of it at its own resolution."""
    mask_HW = track.mask(i)
    return RawMask(mask_HW, GIVEN if mask_HW.any() else EMPTY, track.meta.geometry[i])


class Given:
    """Takes the annotations as they are, and refuses a track that lacks one."""

    name = "given"

    def segment(self, track: Track, others: Sequence[Track]) -> Iterator[RawMask]:
        for i, geometry in enumerate(track.meta.geometry):
            if geometry is None or not track.has_mask(i):
                raise BadInput(
                    f"{track.meta.track} has no mask for frame {track.meta.frame_numbers[i]};"
                    " the segmenter 'given' needs one in every frame: annotate it, or set"
                    " masks.sparse and masks.first to 'flow'."
                )
            yield annotated(track, i)
