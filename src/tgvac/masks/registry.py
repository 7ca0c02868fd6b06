"""Chooses the segmenter of a track: by its kind of annotation, and the name that the params give for this kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from tgvac.clips.track import TrackMeta
from tgvac.errors import BadInput
from tgvac.masks.flow import Flow
from tgvac.masks.follow import Follow
from tgvac.masks.given import Given
from tgvac.masks.grabcut import GrabCut
from tgvac.masks.params import MasksParams
from tgvac.masks.runtime import Runtime
from tgvac.masks.segmenter import Segmenter

Carried = Literal["full", "sparse", "first", "boxes"]


def _sam(params: MasksParams, runtime: Runtime) -> Segmenter:
    from tgvac.masks.sam import Sam

    return Sam(params.sam, runtime)


def _sam2_boxes(params: MasksParams, runtime: Runtime) -> Segmenter:
    from tgvac.masks.sam2_boxes import Sam2Boxes

    return Sam2Boxes(params.sam2, runtime)


def _sam2_between(params: MasksParams, runtime: Runtime) -> Segmenter:
    from tgvac.masks.sam2_between import Sam2Between

    return Sam2Between(params.sam2, runtime)


def _sam2_first(params: MasksParams, runtime: Runtime) -> Segmenter:
    from tgvac.masks.sam2_first import Sam2First

    return Sam2First(params.sam2, runtime)


def _given(params: MasksParams, runtime: Runtime) -> Segmenter:
    return Given()


def _flow(params: MasksParams, runtime: Runtime) -> Segmenter:
    return Flow(params.flow, params.dense_flow)


def _grabcut(params: MasksParams, runtime: Runtime) -> Segmenter:
    return GrabCut(params.grabcut)


def _follow(params: MasksParams, runtime: Runtime) -> Segmenter:
    return Follow(params.follow, params.dense_flow)


SEGMENTERS: dict[tuple[Carried, str], Callable[[MasksParams, Runtime], Segmenter]] = {
    ("full", "given"): _given,
    ("sparse", "given"): _given,
    ("sparse", "flow"): _flow,
    ("sparse", "sam2"): _sam2_between,
    ("first", "given"): _given,
    ("first", "flow"): _flow,
    ("first", "follow"): _follow,
    ("first", "sam2"): _sam2_first,
    ("boxes", "grabcut"): _grabcut,
    ("boxes", "sam"): _sam,
    ("boxes", "sam2"): _sam2_boxes,
}
# The segmenters of `first` that track from a box; the others need a mask in the first frame.
FROM_A_BOX = frozenset({"sam2", "follow"})


def networks(params: MasksParams) -> list[str]:
    """The names of the weights of all segmenters in use, sorted."""
    used = {params.sparse, params.first, params.boxes}
    return sorted(block.weights for name, block in (("sam", params.sam), ("sam2", params.sam2)) if name in used)


def carries(meta: TrackMeta) -> Carried:
    """The kind of annotation of a track; masks come before boxes.

    Masks in all frames, in some, or only in the first; or only boxes. A single box in the first frame is a user's
    selection of an object; it does not mean that the object is absent later.
    """
    if all(meta.annotated):
        return "full"
    if any(meta.annotated):
        return "first" if meta.annotated[0] and not any(meta.annotated[1:]) else "sparse"
    if meta.boxes:
        alone = meta.frames > 1 and meta.boxes[0] is not None and not any(meta.boxes[1:])
        return "first" if alone else "boxes"
    raise BadInput(
        f"{meta.track} has neither a mask nor a box in any frame; annotate at least one frame or leave the track out."
    )


def segmenter_of(params: MasksParams, meta: TrackMeta, runtime: Runtime) -> Segmenter:
    """The segmenter of a track, with its weights loaded.

    Raises:
        BadInput: when the segmenter of the params does not work with the track's annotation.
    """
    carried = carries(meta)
    name = getattr(params, carried)
    if carried == "first" and name not in FROM_A_BOX and not any(meta.annotated):
        raise BadInput(
            f"{meta.track} only has a box in its first frame, which masks.first '{name}' cannot track;"
            " set masks.first to 'follow', or to 'sam2' where its weights are, or give boxes in more frames."
        )
    return SEGMENTERS[carried, name](params, runtime)
