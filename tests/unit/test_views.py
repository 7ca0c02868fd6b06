"""The pool of images that stand-ins are trained on."""

from __future__ import annotations

import numpy as np

from tests.unit.clips_in_memory import ClipsInMemory
from tgvac.backbones.views import render_views
from tgvac.clips.clip import Clip
from tgvac.clips.framing import FramingParams

FOLLOW = FramingParams(mode="follow", size=16, pad=127, margin=0.25, smooth=1)


def shrinking() -> Clip:
    """An object of which less is seen from frame to frame."""
    frames_FHW3 = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), np.uint8)
    visible_FHW = np.zeros((3, 40, 40), np.uint8)
    for f, side in enumerate((24, 12, 4)):
        visible_FHW[f, 8 : 8 + side, 8 : 8 + side] = 255
    return Clip("s", "v", "t", frames_FHW3, visible_FHW, frames_FHW3, visible_FHW[[0, 0, 0]], 0 * visible_FHW)


def test_a_window_that_follows_the_masks_is_that_of_the_whole_clip_though_one_frame_is_viewed() -> None:
    source = ClipsInMemory(shrinking())
    whole = source.framed("s", FOLLOW)
    views = render_views([source], FOLLOW, {}, 12, "views")
    expected = {frame.tobytes() for frame in whole.frames_FSS3}
    assert {view.tobytes() for view in views.frames_PSS3} == expected
    assert len(expected) == 3
