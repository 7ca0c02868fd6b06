"""Ours, given no masks but that of the first frame, or a box there: the other frames' masks are tracked.

All other rows are given exact visible masks, which nobody has of a video of their own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tgvac.clips.box import Box
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion
from tgvac.errors import BadInput
from tgvac.masks.params import MasksParams
from tgvac.masks.runtime import Runtime
from tgvac.methods import ours
from tgvac.methods.contract import Complete, FromOwnMasks, Setup
from tgvac.methods.params import Prompt
from tgvac.models.params import ComputeParams
from tgvac.tracking.selection import Marks
from tgvac.tracking.tracker import local_weights_of, track_in_memory


def load(setup: Setup, *, masks: MasksParams, **blocks: Any) -> Complete:
    """Our method, with the tracker that ``masks.first`` names."""
    complete, runtime = ours.load(setup, **blocks), _runtime(setup, **blocks)
    last: dict[str, np.ndarray] = {}

    def tracked(clip: Clip, text: str, seed: int) -> Completion:
        # Several draws of a clip have the same masks.
        if clip.sample not in last:
            marks = prompt_of(clip.visible_FHW, setup.method.prompt or "mask")
            last.clear()
            last[clip.sample] = track_in_memory(clip.frames_FHW3, marks, masks, runtime)
        done = complete(replace(clip, visible_FHW=last[clip.sample]), text, seed)
        return FromOwnMasks(done.rgb_FHW3, done.amodal_FHW, last[clip.sample])

    return tracked


def local_weights(setup: Setup, *, masks: MasksParams, **blocks: Any) -> list[str]:
    """Digests of the tracker's weights."""
    return local_weights_of(masks, _runtime(setup, **blocks))


def _runtime(setup: Setup, *, compute: ComputeParams, **_: Any) -> Runtime:
    return Runtime(setup.root, setup.device, compute.tf32)


def prompt_of(visible_FHW: np.ndarray, kind: Prompt) -> Marks:
    """The mask, or the box around it, in the first frame that shows the object; nothing is read of later frames.

    Raises:
        BadInput: when no frame shows the object.
    """
    seen = np.flatnonzero(visible_FHW.any(axis=(1, 2)))
    if not len(seen):
        raise BadInput("The object is seen in no frame, so it cannot be marked in one; evaluate other clips.")
    first = int(seen[0])
    mask_HW = np.asarray(visible_FHW[first])
    return Marks(first, mask_HW=mask_HW) if kind == "mask" else Marks(first, box=Box.of_mask(mask_HW))
