"""Contract 2, the clip: visible and occluded parts add up to the whole, and other pixels are not changed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.builders import Array, box, noise
from tgvac.clips.clip import Clip, occlusion_rate
from tgvac.clips.images import on_white
from tgvac.clips.recipe import Placement
from tgvac.synthesis.compositing import composite, place


def random_masks(seed: int, *shape: int) -> Array:
    return np.where(noise(seed, *shape) > 127, 255, 0).astype(np.uint8)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 9999), st.integers(1, 3), st.integers(1, 12), st.integers(1, 12), st.integers(0, 3))
def test_a_composed_clip_keeps_the_contract(seed: int, frames: int, height: int, width: int, layers: int) -> None:
    target, amodal = noise(seed, frames, height, width, 3), random_masks(seed + 1, frames, height, width)
    before = target.copy()
    pairs = [
        (noise(seed + 10 + k, frames, height, width, 3), random_masks(seed + 20 + k, frames, height, width))
        for k in range(layers)
    ]
    clip = composite("s", "v", "t", target, amodal, [list(zip(*pair, strict=True)) for pair in pairs])
    clip.check()
    occluder = np.zeros(amodal.shape, bool)
    for _, mask in pairs:
        occluder |= mask > 0
    assert np.array_equal(clip.occluder_FHW > 0, occluder)
    assert np.array_equal(clip.visible_FHW | clip.hidden_FHW, amodal)
    assert not (clip.visible_FHW & clip.occluder_FHW).any()
    assert not (clip.visible_FHW & clip.hidden_FHW).any()
    assert np.array_equal(clip.frames_FHW3[~occluder], target[~occluder])
    assert np.array_equal(clip.whole_FHW3, on_white(target, amodal))
    assert np.array_equal(target, before)
    # The last of several occluders on a pixel is visible.
    for f, y, x in np.argwhere(occluder):
        seen = [layer[f, y, x] for layer, mask in pairs if mask[f, y, x]][-1]
        assert np.array_equal(clip.frames_FHW3[f, y, x], seen)


def clip_with(**changes: Array) -> Clip:
    amodal, occluder = box(6, 8, 1, 1, 5, 5)[None], box(6, 8, 0, 3, 6, 8)[None]
    clip = composite("s/v/1/r0", "s/v", "s/v/1", noise(1, 1, 6, 8, 3), amodal, [[(noise(2, 6, 8, 3), occluder[0])]])
    return dataclasses.replace(clip, **changes)


def test_a_good_clip_passes() -> None:
    clip_with().check()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"visible_FHW": np.zeros((2, 6, 8), np.uint8)}, r"visible_FHW is uint8 \(2, 6, 8\), not uint8 \(1, 6, 8\)"),
        ({"occluder_FHW": np.zeros((1, 6, 8), bool)}, "occluder_FHW is bool"),
        ({"occluder_FHW": np.full((1, 6, 8), 1, np.uint8)}, "occluder_FHW has values other than 0 and 255"),
        ({"amodal_FHW": np.full((1, 6, 8), 254, np.uint8)}, "amodal_FHW has values other than 0 and 255"),
        ({"frames_FHW3": np.zeros((1, 6, 7, 3), np.uint8)}, r"frames_FHW3 is uint8 \(1, 6, 7, 3\)"),
        ({"frames_FHW3": np.zeros((1, 6, 8, 3), np.float32)}, "frames_FHW3 is float32"),
        ({"whole_FHW3": np.zeros((1, 6, 8, 4), np.uint8)}, r"whole_FHW3 is uint8 \(1, 6, 8, 4\)"),
        ({"visible_FHW": box(6, 8, 1, 1, 5, 5)[None]}, "a visible pixel is under the occluder"),
        ({"visible_FHW": box(6, 8, 1, 1, 5, 2)[None]}, "do not add up to the whole object"),
        ({"visible_FHW": box(6, 8, 0, 1, 5, 3)[None]}, "do not add up to the whole object"),
    ],
)
def test_each_violation_is_refused_naming_sample_and_rule(changes: dict[str, Array], message: str) -> None:
    with pytest.raises(ValueError, match=f"^s/v/1/r0: .*{message}"):
        clip_with(**changes).check()


def test_the_occlusion_rate_is_the_hidden_share_and_nan_where_the_object_is_absent() -> None:
    amodal = np.stack([box(4, 4, 0, 0, 2, 4), box(4, 4, 0, 0, 2, 4), np.zeros((4, 4), np.uint8)])
    visible = np.stack([box(4, 4, 0, 0, 2, 1), box(4, 4, 0, 0, 2, 4), np.zeros((4, 4), np.uint8)])
    assert occlusion_rate(visible, amodal).tolist()[:2] == [0.75, 0.0]
    assert np.isnan(occlusion_rate(visible, amodal)[2])


# ---------------------------------------------------------------- placement


def put(**changes: float | bool) -> Placement:
    return Placement.model_validate({"track": "s/o/1", "start": 0, **changes})


def test_the_papers_placement_keeps_the_coordinates() -> None:
    image, mask = noise(3, 6, 8, 3), random_masks(4, 6, 8)
    assert np.array_equal(place(image, put(), 6, 8), image)
    assert np.array_equal(place(mask, put(), 6, 8), mask)


def test_an_occluder_of_another_size_is_resized_to_the_target() -> None:
    assert np.array_equal(place(box(6, 8, 0, 4, 6, 8), put(), 12, 4), box(12, 4, 0, 2, 12, 4))


def test_a_placement_can_mirror_shift_and_scale() -> None:
    mask = box(8, 8, 0, 0, 4, 4)
    assert np.array_equal(place(mask, put(flip=True), 8, 8), box(8, 8, 0, 4, 4, 8))
    assert np.array_equal(place(mask, put(dx=0.5, dy=0.25), 8, 8), box(8, 8, 2, 4, 6, 8))
    assert np.array_equal(place(mask, put(scale=0.5), 8, 8), box(8, 8, 2, 2, 4, 4))
    assert np.array_equal(place(mask, put(scale=2.0), 8, 8), box(8, 8, 0, 0, 4, 4))
    assert not place(mask, put(dx=2.0), 8, 8).any()


@settings(max_examples=60, deadline=None)
@given(st.floats(0.1, 3), st.floats(-2, 2), st.floats(-2, 2), st.booleans(), st.integers(1, 20), st.integers(1, 20))
def test_a_placed_mask_is_binary_and_of_the_targets_size(
    scale: float, dx: float, dy: float, flip: bool, height: int, width: int
) -> None:
    found = place(random_masks(1, 9, 7), put(scale=scale, dx=dx, dy=dy, flip=flip), height, width)
    assert found.shape == (height, width)
    assert found.dtype == np.uint8
    assert set(np.unique(found)) <= {0, 255}
