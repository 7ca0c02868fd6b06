"""Uses the annotations of every frame unchanged (paper, section 3.2: DAVIS's "provided masks")."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tgvac.clips.track import Track
from tgvac.errors import BadInput
from tgvac.masks.segmenter import RawMask
from tgvac.masks.verdicts import EMPTY, GIVEN


def annotated(track: Track, i: int) -> RawMask:
    """The annotation of frame ``i``, with its measurement at the annotation's resolution."""
    mask_HW = track.mask(i)
    return RawMask(mask_HW, GIVEN if mask_HW.any() else EMPTY, track.meta.geometry[i])


class Given:
    """Uses the annotations unchanged, and refuses a track with a missing one."""

    name = "given"

    def segment(self, track: Track, others: Sequence[Track]) -> Iterator[RawMask]:
        for i, geometry in enumerate(track.meta.geometry):
            if geometry is None or not track.has_mask(i):
                raise BadInput(
                    f"{track.meta.track} has no mask for frame {track.meta.frame_numbers[i]};"
                    " the segmenter 'given' needs a mask in every frame, so annotate it, or set masks.sparse and"
                    " masks.first to 'flow'."
                )
            yield annotated(track, i)
