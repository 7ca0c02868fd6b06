"""Finds the whole object in a painted picture: its amodal mask.

The authors segment the picture again and keep the mask that is nearest to what was seen. ``sam`` does that with a box
around the clusters; ``grabcut`` needs no weights and starts from the clusters; ``clusters`` are coarse by themselves.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from tgvac.clips.box import Box
from tgvac.masks.opencv import cut, one_thread
from tgvac.masks.params import MasksParams
from tgvac.masks.runtime import Runtime
from tgvac.progressive.canvas import Painted, Square
from tgvac.progressive.params import ProgressiveParams

FindObject = Callable[[Square, Painted, tuple[str | int, ...]], np.ndarray]
"""A square before and after it was painted, and the names of random draws, to the whole object, ``uint8 [S,S]`` in
{0, 255}."""

_ROUNDS = 3
"""Of GrabCut: fitting colours, and cutting."""


def finder_of(params: ProgressiveParams, masks: MasksParams, runtime: Runtime) -> FindObject:
    """How the params find the object.

    Raises:
        BadInput: when SAM's weights are not there.
    """
    if params.amodal == "clusters":
        return lambda square, painted, names: square.object_SS | painted.object_SS
    return _sam(masks, runtime) if params.amodal == "sam" else by_grabcut


def by_grabcut(square: Square, painted: Painted, names: tuple[str | int, ...]) -> np.ndarray:
    """The object by its colours: what was seen of it is it, what was not painted is not.

    What was painted is undecided; it starts as the object where the clusters say so.
    """
    size = len(square.object_SS)
    labels_SS = np.full((size, size), cv2.GC_BGD, np.uint8)
    labels_SS[square.hole_SS > 0] = cv2.GC_PR_BGD
    labels_SS[(square.hole_SS > 0) & (painted.object_SS > 0)] = cv2.GC_PR_FGD
    labels_SS[square.object_SS > 0] = cv2.GC_FGD
    with one_thread():
        found_SS = cut(painted.picture_SS3, labels_SS, _ROUNDS, *names)
    whole_SS = np.where(found_SS, 255, 0).astype(np.uint8) | square.object_SS
    return _joined(whole_SS, square.object_SS)


def _sam(masks: MasksParams, runtime: Runtime) -> FindObject:
    from tgvac.masks.sam import Sam

    sam = Sam(masks.sam, runtime)

    def find(square: Square, painted: Painted, names: tuple[str | int, ...]) -> np.ndarray:
        box = Box.of_mask(square.object_SS | painted.object_SS)
        assert box is not None
        (logits_SS,) = sam.draw([painted.picture_SS3], [box])
        found_SS = np.where(logits_SS >= 0, 255, 0).astype(np.uint8)
        # What was seen of the object is known, and an empty mask would end the object.
        return np.asarray(found_SS | square.object_SS)

    return find


def _joined(mask_SS: np.ndarray, object_SS: np.ndarray) -> np.ndarray:
    """The parts of a mask that hold something of the object: others have its colours by chance."""
    _, parts_SS = cv2.connectedComponents(mask_SS, connectivity=8)
    return np.where(np.isin(parts_SS, np.unique(parts_SS[object_SS > 0])), mask_SS, 0).astype(np.uint8)
