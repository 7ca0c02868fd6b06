"""Which segmenter a track gets: by what it carries, then by the name that the params give to that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from tgvac.clip.track import TrackMeta
from tgvac.errors import BadInput
from tgvac.masks.flow import Flow
from tgvac.masks.given import Given
from tgvac.masks.grabcut import GrabCut
from tgvac.masks.params import MasksParams
from tgvac.masks.segmenter import Segmenter

SEGMENTERS: dict[str, Callable[[MasksParams], Segmenter]] = {
    "given": lambda _: Given(),
    "flow": lambda params: Flow(params.flow, params.dense_flow),
    "grabcut": lambda params: GrabCut(params.grabcut),
}


def carries(meta: TrackMeta) -> Literal["full", "sparse", "boxes"]:
    """What a track carries: a mask in every frame, in some, or boxes alone; a mask says more than a box."""
    if all(meta.annotated):
        return "full"
    if any(meta.annotated):
        return "sparse"
    if meta.boxes:
        return "boxes"
    raise BadInput(
        f"{meta.track} has neither a mask nor a box in any frame; annotate at least one frame or leave the track out."
    )


def segmenter_of(params: MasksParams, meta: TrackMeta) -> Segmenter:
    """The segmenter of a track."""
    return SEGMENTERS[getattr(params, carries(meta))](params)
