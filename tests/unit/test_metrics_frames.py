"""Masks, pixels, difficulty and parameters: per-frame numbers against definitions written out by loops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from tgvac.config import parse
from tgvac.errors import BadInput
from tgvac.metrics.difficulty import Group, difficulty, in_group, video_difficulty
from tgvac.metrics.masks import iou, occluded_iou
from tgvac.metrics.params import MetricsParams
from tgvac.metrics.pixels import l1, masked_psnr

Mask = NDArray[np.uint8]
MASKS = arrays(np.bool_, (2, 3, 4)).map(lambda inside: inside.astype(np.uint8) * np.uint8(255))
FRAMES = arrays(np.uint8, (2, 3, 4, 3))


def mask(*rows: str) -> Mask:
    """One frame's mask from rows of '#' and '.'; uint8 [1,H,W]."""
    return np.array([[[255 if c == "#" else 0 for c in row] for row in rows]], np.uint8)


def sets(a_HW: Mask) -> set[tuple[int, ...]]:
    return {(int(y), int(x)) for y, x in zip(*np.nonzero(a_HW), strict=True)}


def overlap(a: set[tuple[int, ...]], b: set[tuple[int, ...]]) -> float:
    return len(a & b) / len(a | b) if a | b else math.nan


@given(MASKS, MASKS)
def test_iou_is_intersection_over_union_of_pixel_sets(a_FHW: Mask, b_FHW: Mask) -> None:
    expected = [overlap(sets(a), sets(b)) for a, b in zip(a_FHW, b_FHW, strict=True)]
    np.testing.assert_array_equal(iou(a_FHW, b_FHW), expected)
    np.testing.assert_array_equal(iou(b_FHW, a_FHW), expected)


@given(MASKS, MASKS, MASKS)
def test_occluded_iou_leaves_visible_pixels_out_of_both_sides(pred: Mask, amodal: Mask, visible: Mask) -> None:
    expected = [overlap(sets(p) - sets(v), sets(a) - sets(v)) for p, a, v in zip(pred, amodal, visible, strict=True)]
    np.testing.assert_array_equal(occluded_iou(pred, amodal, visible), expected)


def test_absent_objects_follow_one_rule() -> None:
    some, none = mask("##", ".."), mask("..", "..")
    assert np.isnan(iou(none, none)[0])
    assert iou(some, none)[0] == iou(none, some)[0] == 0
    assert np.isnan(occluded_iou(some, some, some)[0]), "nothing is hidden, nothing is invented"
    assert occluded_iou(mask("##", "#."), some, some)[0] == 0, "invented beyond a fully visible object"
    assert occluded_iou(some, mask("##", "#."), some)[0] == 0, "hidden part missed altogether"


def test_a_visible_pixel_missing_from_the_prediction_does_not_count_as_hidden_pixel_found() -> None:
    amodal, visible, pred = mask("##", "##"), mask("##", ".."), mask(".#", "#.")
    # Subtraction in uint8 would wrap the missing pixel to 255 and count three predicted pixels.
    assert occluded_iou(pred, amodal, visible)[0] == 0.5


@pytest.mark.parametrize(
    "wrong", [np.ones((1, 2, 2), np.uint8), np.zeros((1, 2, 2), np.bool_), np.zeros((2, 2), np.uint8)]
)
def test_arrays_that_are_no_masks_are_refused(wrong: NDArray[Any]) -> None:
    good = mask("##", "##")
    with pytest.raises(ValueError, match="must"):
        iou(wrong, good)
    with pytest.raises(ValueError, match="must"):
        occluded_iou(good, good, wrong)


def test_masks_are_never_broadcast() -> None:
    with pytest.raises(ValueError, match="differ"):
        iou(mask("##", "##"), np.repeat(mask("##", "##"), 3, axis=0))


@given(FRAMES, FRAMES, MASKS)
def test_psnr_and_l1_are_their_definitions_over_the_wanted_pixels(a: Mask, b: Mask, inside: Mask) -> None:
    for frame in range(2):
        pixels = sorted(sets(inside[frame]))
        errors = [int(a[frame, y, x, c]) - int(b[frame, y, x, c]) for y, x in pixels for c in range(3)]
        psnr, mean = masked_psnr(a, b, inside, 60.0)[frame], l1(a, b, inside)[frame]
        if not pixels:
            assert np.isnan(psnr)
            assert np.isnan(mean)
            continue
        mse = sum(e * e for e in errors) / len(errors)
        expected = 60.0 if mse == 0 else min(60.0, 20 * math.log10(255) - 10 * math.log10(mse))
        assert psnr == pytest.approx(expected, abs=1e-9)
        assert mean == pytest.approx(sum(map(abs, errors)) / len(errors) / 255, abs=1e-12)


def test_identical_pixels_reach_the_cap_exactly_and_nothing_exceeds_it() -> None:
    frame = np.full((1, 10, 10, 3), 90, np.uint8)
    hidden = np.full((1, 10, 10), 255, np.uint8)
    almost = frame.copy()
    almost[0, 0, 0, 0] += 1  # one level in 300 values: 72.9 dB
    for cap in (7.3, 40.0, 60.0, 72.0):
        assert masked_psnr(frame, frame, hidden, cap)[0] <= cap
        assert masked_psnr(frame, frame, hidden, cap)[0] == pytest.approx(cap, abs=1e-9)
        assert masked_psnr(almost, frame, hidden, cap)[0] == pytest.approx(cap, abs=1e-9)
    assert masked_psnr(almost, frame, hidden, 90.0)[0] == pytest.approx(10 * math.log10(255**2 * 300))


def test_l1_of_black_against_white_is_one_and_covers_all_pixels_without_a_mask() -> None:
    black, white = np.zeros((1, 2, 2, 3), np.uint8), np.full((1, 2, 2, 3), 255, np.uint8)
    assert l1(black, white)[0] == 1
    white[0, 0] = 0
    assert l1(black, white)[0] == 0.5


def test_pixels_of_other_shapes_are_refused() -> None:
    frames, hidden = np.zeros((1, 2, 2, 3), np.uint8), np.zeros((1, 2, 2), np.uint8)
    calls: list[Callable[[], object]] = [
        lambda: masked_psnr(frames, np.zeros((2, 2, 2, 3), np.uint8), hidden, 60.0),
        lambda: masked_psnr(frames, frames, np.zeros((1, 3, 2), np.uint8), 60.0),
        lambda: masked_psnr(frames, frames, hidden, 0.0),
        lambda: l1(frames.astype(np.float32), frames),
        lambda: l1(np.zeros((1, 0, 2, 3), np.uint8), np.zeros((1, 0, 2, 3), np.uint8)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"differ|must|without pixels"):
            call()


RATES = st.lists(st.one_of(st.floats(0, 1), st.just(0.5), st.just(math.nan)), max_size=8).map(np.array)


@given(RATES, st.floats(0.01, 1))
def test_every_frame_has_one_class_and_absent_frames_are_in_no_group(
    rate_F: NDArray[np.float64], hard_from: float
) -> None:
    rate_F = rate_F.astype(np.float64)
    easy_F, hard_F = in_group(rate_F, "easy", hard_from), in_group(rate_F, "hard", hard_from)
    classes_F = difficulty(rate_F, hard_from)
    np.testing.assert_array_equal(easy_F, classes_F == "easy")
    np.testing.assert_array_equal(hard_F, classes_F == "hard")
    np.testing.assert_array_equal(easy_F | hard_F, in_group(rate_F, "all", hard_from))
    np.testing.assert_array_equal(np.isnan(rate_F), classes_F == "absent")


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("all", [0.0, 0.2, 0.49, 0.5, 0.8, 0.9, 1.0]),
        ("easy", [0.0, 0.2, 0.49]),
        ("hard", [0.5, 0.8, 0.9, 1.0]),
        ("visible", [0.0]),
        ("hidden", [1.0]),
        ("20-50", [0.2, 0.49]),
        ("50-80", [0.5, 0.8]),
    ],
)
def test_groups_have_the_documented_bounds(group: Group, expected: list[float]) -> None:
    rate_F = np.array([0.0, 0.2, 0.49, 0.5, 0.8, 0.9, 1.0, math.nan])
    assert rate_F[in_group(rate_F, group, 0.5)].tolist() == expected


def test_a_video_is_judged_by_the_frames_in_which_the_object_exists() -> None:
    assert video_difficulty(np.array([math.nan, 0.4, 0.6, math.nan]), 0.5) == "hard"
    assert video_difficulty(np.array([0.0, 0.6]), 0.5) == "easy"
    assert video_difficulty(np.array([math.nan]), 0.5) == "absent"


def test_rates_and_groups_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="occlusion rate"):
        difficulty(np.array([1.01]), 0.5)
    with pytest.raises(ValueError, match="hard_from"):
        difficulty(np.array([0.5]), 0.0)
    with pytest.raises(ValueError, match="unknown group 'medium'"):
        in_group(np.array([0.5]), "medium", 0.5)  # type: ignore[arg-type]


GOOD: dict[str, Any] = {
    "lpips_net": "alex",
    "lpips_also": ["vgg"],
    "views": ["frame", "box"],
    "box_margin": 0.1,
    "hard_from": 0.5,
    "white_psnr_cap": 60.0,
    "bootstrap": 1000,
    "confidence": 0.95,
    "flow": {"preset": "medium", "finest_scale": 0},
    "batch": 16,
    "kept_gib": 0.5,
}


@settings(max_examples=20)
@given(st.sampled_from(sorted(GOOD)))
def test_no_parameter_has_a_default(key: str) -> None:
    assert parse(MetricsParams, GOOD, "params.yaml").batch == 16
    with pytest.raises(BadInput, match=f"'{key}' is missing"):
        parse(MetricsParams, {k: v for k, v in GOOD.items() if k != key}, "params.yaml")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("lpips_net", "squeeze"), ("lpips_also", ["squeeze"]), ("views", ["window"]), ("box_margin", -0.1)),
        *(("hard_from", 0.0), ("confidence", 1.0), ("bootstrap", 0), ("batch", 1.5), ("kept_gib", -1)),
    ],
)
def test_parameters_out_of_range_are_refused(key: str, value: object) -> None:
    with pytest.raises(BadInput, match=key):
        parse(MetricsParams, {**GOOD, key: value}, "params.yaml")
