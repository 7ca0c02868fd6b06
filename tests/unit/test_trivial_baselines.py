"""Baselines that are not trained: visible pixels stay, hidden ones are filled, the rest is white."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.builders import Array, box, noise
from tgvac.masks.params import DenseFlowParams
from tgvac.methods.mean_colour import MeanColour, convex_hull
from tgvac.methods.params import TrivialParams
from tgvac.methods.registration import Patch, displacement
from tgvac.methods.telea import Telea, inpaint
from tgvac.methods.temporal_copy import TemporalCopy, nearest_first, positions
from tgvac.methods.temporal_flow import TemporalFlow, spread
from tgvac.methods.white import White

TRIVIAL = TrivialParams(reach=8, overlap=0.5, speed=0.06, shape="hull", radius=3.0, consistency=0.01)
UNION = TRIVIAL.model_copy(update={"shape": "union"})
DENSE = DenseFlowParams(preset="medium", finest_scale=0)
BASELINES = {
    "temporal": TemporalCopy(TRIVIAL),
    "hull": MeanColour(TRIVIAL),
    "union": MeanColour(UNION),
    "telea": Telea(TRIVIAL),
    "flow": TemporalFlow(TRIVIAL, DENSE),
}
FRAMES, HEIGHT, WIDTH = 9, 48, 64
SIDE = 16


def scene(seed: int, flat: bool = False) -> tuple[Array, Array, Array]:
    """A rigid square that moves 3 right and 1 down per frame over noise, behind an upright bar.

    Returns:
        frames, amodal mask, visible mask; the bar is at columns 24 to 33 and never hides the whole square.
    """
    texture_hw3 = np.full((SIDE, SIDE, 3), (40, 90, 200), np.uint8) if flat else noise(seed, SIDE, SIDE, 3)
    frames_FHW3 = noise(seed + 1, FRAMES, HEIGHT, WIDTH, 3)
    amodal_FHW = np.zeros((FRAMES, HEIGHT, WIDTH), np.uint8)
    for i in range(FRAMES):
        top, left = 10 + i, 4 + 3 * i
        frames_FHW3[i, top : top + SIDE, left : left + SIDE] = texture_hw3
        amodal_FHW[i] = box(HEIGHT, WIDTH, top, left, top + SIDE, left + SIDE)
    bar_HW = box(HEIGHT, WIDTH, 0, 24, HEIGHT, 34)
    frames_FHW3[:, bar_HW > 0] = (10, 250, 10)
    return frames_FHW3, amodal_FHW, amodal_FHW & ~bar_HW


@pytest.mark.parametrize("seed", [0, 20])
def test_temporal_copy_finds_the_hidden_part_of_a_rigid_object_exactly(seed: int) -> None:
    frames_FHW3, amodal_FHW, visible_FHW = scene(seed)
    assert all(0 < (visible_FHW[i] > 0).sum() < SIDE * SIDE for i in (3, 4, 5, 6, 7, 8))
    done = TemporalCopy(TRIVIAL).complete(frames_FHW3, visible_FHW, "", 0)
    assert np.array_equal(done.amodal_FHW, amodal_FHW)
    texture_hw3 = noise(seed, SIDE, SIDE, 3)
    for i in range(FRAMES):
        found_hw3 = done.rgb_FHW3[i, 10 + i : 10 + i + SIDE, 4 + 3 * i : 4 + 3 * i + SIDE]
        assert np.array_equal(found_hw3, texture_hw3)


def test_temporal_copy_copies_only_from_within_its_reach() -> None:
    frames_FHW3, amodal_FHW, visible_FHW = scene(0)
    done = TemporalCopy(TRIVIAL.model_copy(update={"reach": 1})).complete(frames_FHW3, visible_FHW, "", 0)
    # Frame 5's square spans columns 19 to 34; its neighbours never show what columns 27 to 30 hide.
    assert not np.array_equal(done.amodal_FHW[5], amodal_FHW[5])
    assert np.array_equal(done.amodal_FHW[0], amodal_FHW[0])


def test_temporal_copy_completes_frames_that_hide_the_whole_object() -> None:
    frames_FHW3, amodal_FHW, visible_FHW = scene(3)
    visible_FHW[3:6] = 0
    done = TemporalCopy(TRIVIAL).complete(frames_FHW3, visible_FHW, "", 0)
    assert np.array_equal(done.amodal_FHW, amodal_FHW)
    texture_hw3 = noise(3, SIDE, SIDE, 3)
    assert np.array_equal(done.rgb_FHW3[4, 14 : 14 + SIDE, 16 : 16 + SIDE], texture_hw3)


def test_the_displacement_follows_colours_and_not_outlines() -> None:
    """An occluder that moves in front of a still object changes the outline of the visible part."""
    texture_hw3 = noise(9, 20, 20, 3)
    a = Patch(texture_hw3[:, :12], np.full((20, 12), 255, np.uint8), 5, 5)
    b = Patch(texture_hw3[:, 4:16], np.full((20, 12), 255, np.uint8), 5, 9)
    assert displacement(a, b, 0.5, 20) == (0, 0)
    moved = Patch(texture_hw3[:, 4:16], np.full((20, 12), 255, np.uint8), 3, 16)
    assert displacement(a, moved, 0.5, 20) == (-2, 7)
    # Eight of twelve columns are in both.
    assert displacement(a, moved, 0.7, 20) != (-2, 7)
    assert displacement(a, moved, 0.5, 7.2) != (-2, 7)
    assert displacement(a, moved, 0.5, 0.5) is None


def test_positions_add_up_and_are_interpolated_where_the_object_is_hidden() -> None:
    texture_hw3, full_hw = noise(1, 8, 8, 3), np.full((8, 8), 255, np.uint8)
    patches = [None, *(Patch(texture_hw3, full_hw, 4, left) for left in (10, 12)), None, None, None]
    patches += [Patch(texture_hw3, full_hw, 8, 20), None]
    found = positions(patches, 0.5, 5.0)
    assert found.tolist() == [[0, 0], [0, 0], [0, 2], [1, 4], [2, 6], [3, 8], [4, 10], [4, 10]]
    assert positions([None, None], 0.5, 5.0).tolist() == [[0, 0], [0, 0]]


def test_an_object_of_one_colour_takes_the_shortest_displacement() -> None:
    frames_FHW3, amodal_FHW, visible_FHW = scene(0, flat=True)
    still_FHW3, still_FHW = np.repeat(frames_FHW3[:1], 2, axis=0), np.repeat(visible_FHW[:1], 2, axis=0)
    still_FHW[1, :, 10:] = 0
    done = TemporalCopy(TRIVIAL).complete(still_FHW3, still_FHW, "", 0)
    assert np.array_equal(done.amodal_FHW[1], amodal_FHW[0])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(sorted(BASELINES)))
def test_visible_pixels_stay_and_pixels_outside_the_mask_are_white(seed: int, kind: str) -> None:
    draw = np.random.default_rng(seed)
    frames, height, width = (int(draw.integers(1, high)) for high in (6, 24, 24))
    frames_FHW3 = noise(seed, frames, height, width, 3)
    visible_FHW = np.where(noise(seed + 1, frames, height, width) < draw.integers(0, 256), 255, 0).astype(np.uint8)
    visible_FHW[draw.random(frames) < 0.3] = 0
    baseline = BASELINES[kind]
    given_FHW3, given_FHW = frames_FHW3.copy(), visible_FHW.copy()
    done = baseline.complete(frames_FHW3, visible_FHW, "a cat", seed)
    done.check(frames_FHW3)
    assert np.array_equal(frames_FHW3, given_FHW3)
    assert np.array_equal(visible_FHW, given_FHW)
    seen = visible_FHW > 0
    assert np.array_equal(done.rgb_FHW3[seen], frames_FHW3[seen])
    assert (done.amodal_FHW[seen] == 255).all()
    assert (done.rgb_FHW3[done.amodal_FHW == 0] == 255).all()
    again = baseline.complete(frames_FHW3, visible_FHW, "other words", seed + 1)
    assert np.array_equal(again.rgb_FHW3, done.rgb_FHW3)


@pytest.mark.parametrize("kind", sorted(BASELINES))
def test_a_video_that_never_shows_the_object_stays_white(kind: str) -> None:
    frames_FHW3 = noise(0, 3, 20, 30, 3)
    done = BASELINES[kind].complete(frames_FHW3, np.zeros((3, 20, 30), np.uint8), "", 0)
    assert (done.rgb_FHW3 == 255).all()
    assert not done.amodal_FHW.any()


def test_mean_colour_fills_the_hull_with_the_mean_of_the_visible_pixels() -> None:
    frames_FHW3 = np.zeros((2, 12, 12, 3), np.uint8)
    visible_FHW = np.zeros((2, 12, 12), np.uint8)
    visible_FHW[0, 2:10, 2] = visible_FHW[0, 2:10, 9] = 255
    frames_FHW3[0, :, 2], frames_FHW3[0, :, 9] = (10, 100, 0), (20, 50, 0)
    done = MeanColour(TRIVIAL).complete(frames_FHW3, visible_FHW, "", 0)
    assert np.array_equal(done.amodal_FHW[0], box(12, 12, 2, 2, 10, 10))
    assert (done.rgb_FHW3[0, 2:10, 3:9] == (15, 75, 0)).all()
    # The object is hidden in the second frame, which repeats the outline of the first, filled with the mean.
    assert np.array_equal(done.amodal_FHW[1], done.amodal_FHW[0])
    assert (done.rgb_FHW3[1, 2:10, 2:10] == (15, 75, 0)).all()


def test_mean_colour_can_take_temporal_copys_outline() -> None:
    frames_FHW3, amodal_FHW, visible_FHW = scene(0)
    done = MeanColour(UNION).complete(frames_FHW3, visible_FHW, "", 0)
    assert np.array_equal(done.amodal_FHW, amodal_FHW)


def test_a_hull_holds_its_mask_and_has_no_dents() -> None:
    dented_HW = box(20, 20, 2, 2, 18, 18) & ~box(20, 20, 6, 6, 14, 20)
    assert np.array_equal(convex_hull(dented_HW), box(20, 20, 2, 2, 18, 18))
    assert not convex_hull(np.zeros((4, 4), np.uint8)).any()
    assert np.array_equal(convex_hull(box(9, 9, 4, 4, 5, 5)), box(9, 9, 4, 4, 5, 5))


def test_the_nearest_frames_come_first() -> None:
    assert list(nearest_first(2, 3, 5)) == [1, 3, 0, 4]
    assert list(nearest_first(0, 2, 5)) == [1, 2]
    assert list(nearest_first(0, 3, 1)) == []


def test_white_finds_nothing() -> None:
    done = White().complete(noise(0, 2, 5, 7, 3), np.full((2, 5, 7), 255, np.uint8), "a cat", 3)
    assert (done.rgb_FHW3 == 255).all()
    assert not done.amodal_FHW.any()
    assert done.rgb_FHW3.shape == (2, 5, 7, 3)


def test_telea_carries_the_visible_colours_on_and_never_the_occluders() -> None:
    frames_FHW3, _, visible_FHW = scene(0, flat=True)
    done = Telea(TRIVIAL).complete(frames_FHW3, visible_FHW, "", 0)
    # All of the square has one colour; the bar before it is green.
    inside = done.amodal_FHW > 0
    assert np.count_nonzero(inside & (visible_FHW == 0)) > 100
    assert np.abs(done.rgb_FHW3[inside].astype(int) - (40, 90, 200)).max() <= 8  # OpenCV adds up rounded gradients
    # With a pattern to follow it by, the square is found, and it is its own hull.
    frames_FHW3, amodal_FHW, visible_FHW = scene(0)
    assert np.array_equal(Telea(TRIVIAL).complete(frames_FHW3, visible_FHW, "", 0).amodal_FHW, amodal_FHW)


def test_telea_fills_between_two_colours_smoothly() -> None:
    frame_HW3 = np.zeros((9, 21, 3), np.uint8)
    frame_HW3[:, 13:] = 200
    visible_HW = box(9, 21, 0, 0, 9, 21) & ~box(9, 21, 0, 8, 9, 13)
    frame_HW3[:, 8:13] = (255, 0, 0)
    out_HW3 = inpaint(frame_HW3, visible_HW, np.full((9, 21), 255, np.uint8), 3.0)
    assert np.array_equal(out_HW3[visible_HW > 0], frame_HW3[visible_HW > 0])
    row = out_HW3[4, 8:13]
    assert (row[:, 0] == row[:, 1]).all(), "nothing of the occluder's red"
    assert row[0, 0] < row[-1, 0]


def test_telea_repeats_the_nearest_frame_where_nothing_is_seen() -> None:
    frames_FHW3, _, visible_FHW = scene(3)
    visible_FHW[4] = 0
    done = Telea(TRIVIAL).complete(frames_FHW3, visible_FHW, "", 0)
    assert np.array_equal(done.rgb_FHW3[4], done.rgb_FHW3[3])
    assert np.array_equal(done.amodal_FHW[4], done.amodal_FHW[3])


def zooming(scale: float) -> tuple[Array, Array]:
    """A smooth object that grows about the middle, by a factor a frame, and its masks; nothing is hidden."""
    size, frames = 96, 5
    ys, xs = np.mgrid[:size, :size].astype(np.float64) - size / 2
    frames_FHW3, mask_FHW = np.empty((frames, size, size, 3), np.uint8), np.zeros((frames, size, size), np.uint8)
    for i in range(frames):
        y, x = ys / scale**i, xs / scale**i
        waves = [128 + 60 * np.sin(x / 3 + k) + 60 * np.cos(y / 4 + 2 * k) for k in range(3)]
        frames_FHW3[i] = np.stack(waves, axis=-1).clip(0, 255)
        mask_FHW[i][np.hypot(y, x) < 24] = 255
        frames_FHW3[i][mask_FHW[i] == 0] = 20
    return frames_FHW3, mask_FHW


def test_flow_follows_an_object_that_grows_where_a_translation_cannot() -> None:
    frames_FHW3, amodal_FHW = zooming(1.08)
    visible_FHW = amodal_FHW.copy()
    given_FHW3 = frames_FHW3.copy()
    # A bar hides the right part of the later frames; the first shows all of it.
    for i in range(1, 5):
        visible_FHW[i, :, 60:68] = 0
        given_FHW3[i, :, 60:68] = (250, 10, 10)
    hidden = (amodal_FHW > 0) & (visible_FHW == 0)

    def error(done_FHW3: Array) -> float:
        return float(np.abs(done_FHW3[hidden].astype(int) - frames_FHW3[hidden]).mean())

    flow = TemporalFlow(TRIVIAL, DENSE).complete(given_FHW3, visible_FHW, "", 0)
    copy = TemporalCopy(TRIVIAL).complete(given_FHW3, visible_FHW, "", 0)
    assert error(flow.rgb_FHW3) < 0.8 * error(copy.rgb_FHW3)
    assert (flow.amodal_FHW[hidden] == 255).mean() > 1.05 * (copy.amodal_FHW[hidden] == 255).mean()


def test_flow_is_temporal_copys_displacement_where_the_object_is_not_seen_at_all() -> None:
    frames_FHW3, amodal_FHW, visible_FHW = scene(3)
    visible_FHW[3:6] = 0
    done = TemporalFlow(TRIVIAL, DENSE).complete(frames_FHW3, visible_FHW, "", 0)
    # Noise that moves has no flow to trust, so all frames are moved as temporal copy moves them.
    assert np.array_equal(done.amodal_FHW, amodal_FHW)


def test_spread_keeps_known_values_and_fills_the_rest_from_them() -> None:
    value_HW2, weight_HW = np.zeros((33, 20, 2), np.float32), np.zeros((33, 20), np.float32)
    weight_HW[:, :4], value_HW2[:, :4] = 1, (3, -2)
    out_HW2 = spread(value_HW2, weight_HW)
    assert np.allclose(out_HW2[:, :4], (3, -2))
    assert np.allclose(out_HW2, (3, -2), atol=0.1)
    assert not spread(np.ones((8, 9, 2), np.float32), np.zeros((8, 9), np.float32)).any()
