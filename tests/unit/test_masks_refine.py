"""Refinement: specks, holes, votes, bands and gates on hand-made masks; annotations are not changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.builders import Array, box
from tests.unit.mask_videos import H, W, ball, open_track, overlap, paint, params, rolling, save
from tgvac.clips.box import Box
from tgvac.clips.geometry import measure
from tgvac.masks.cleaning import without_holes, without_specks
from tgvac.masks.gates import judge, share_inside
from tgvac.masks.opencv import one_thread
from tgvac.masks.params import GateParams
from tgvac.masks.refine import FrameMask, Refinement, _windows
from tgvac.masks.segmenter import RawMask, Rectangle
from tgvac.masks.verdicts import failed_share

GATES = GateParams(min_inside=0.9, min_box_iou=0.6, max_jump=2.0, max_failed=0.3)


def refine(folder: Path, raws: list[RawMask], frames: Array, **changes: object) -> list[FrameMask]:
    known = params(**changes)
    path = save(folder, [None] * len(raws), frames)
    with open_track(path) as track, one_thread():
        return list(Refinement(known.refine, known.gates, known.dense_flow).refine(track, iter(raws)))


def test_parts_below_the_share_of_the_largest_are_removed() -> None:
    big, part, speck = box(20, 30, 2, 2, 12, 12), box(20, 30, 2, 20, 6, 25), box(20, 30, 15, 2, 16, 5)
    assert np.array_equal(without_specks(big | part | speck, 0.2), big | part)  # 100, 20 and 3 pixels
    assert np.array_equal(without_specks(big | part | speck, 0.21), big)
    assert np.array_equal(without_specks(big | part | speck, 0.0), big | part | speck)


def test_holes_up_to_the_share_are_filled_and_bays_of_the_frame_are_not() -> None:
    whole = box(20, 30, 0, 0, 10, 20)
    hole, bay = box(20, 30, 4, 5, 6, 7), box(20, 30, 0, 12, 3, 14)
    mask = whole & ~hole & ~bay  # 190 pixels, a hole of 4, a bay of 6 at the frame's edge
    assert np.array_equal(without_holes(mask, 0.03), whole & ~bay)
    assert np.array_equal(without_holes(mask, 0.02), mask)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1))
def test_cleaning_gives_a_binary_mask_that_is_never_empty(seed: int, part: float, hole: float) -> None:
    mask = np.where(np.random.default_rng(seed).random((9, 11)) < 0.4, 255, 0).astype(np.uint8)
    less, more = without_specks(mask, part), without_holes(mask, hole)
    assert set(np.unique(less)) | set(np.unique(more)) <= {0, 255}
    assert less.any() == mask.any()
    assert ((less > 0) <= (mask > 0)).all()
    assert ((more > 0) >= (mask > 0)).all()


def test_an_empty_mask_stays_empty() -> None:
    empty = np.zeros((5, 6), np.uint8)
    assert not without_specks(empty, 0.5).any()
    assert not without_holes(empty, 0.5).any()


def test_the_share_inside_counts_pixels_by_their_centres() -> None:
    mask = box(10, 10, 2, 2, 4, 6)  # centres at x = 2.5 … 5.5
    assert share_inside(mask, Box(x=2, y=2, w=4, h=2)) == 1.0
    assert share_inside(mask, Box(x=2, y=2, w=1.6, h=2)) == 0.5
    assert share_inside(np.zeros((3, 3), np.uint8), Box(x=0, y=0, w=3, h=3)) == 0.0


@pytest.mark.parametrize(
    ("mask", "given_box", "before", "verdict"),
    [
        (box(20, 20, 5, 5, 15, 15), Box(x=5, y=5, w=10, h=10), 0, "made"),
        (box(20, 20, 5, 5, 15, 15), None, 0, "made"),
        (np.zeros((20, 20), np.uint8), None, 100, "lost"),
        (box(20, 20, 5, 5, 15, 15), Box(x=5, y=5, w=10, h=9), 0, "made"),  # 0.9 inside, exactly
        (box(20, 20, 5, 5, 15, 15), Box(x=5, y=5, w=10, h=8), 0, "outside"),
        (box(20, 20, 5, 5, 11, 15), Box(x=5, y=5, w=10, h=10), 0, "made"),  # boxes overlap by 0.6, exactly
        (box(20, 20, 5, 5, 10, 15), Box(x=5, y=5, w=10, h=10), 0, "box"),
        (box(20, 20, 5, 5, 15, 15), None, 50, "made"),
        (box(20, 20, 5, 5, 15, 15), None, 49, "jump"),
        (box(20, 20, 5, 5, 15, 15), None, 200, "made"),
        (box(20, 20, 5, 5, 15, 15), None, 201, "jump"),
    ],
)
def test_each_gate_at_its_threshold(mask: Array, given_box: Box | None, before: int, verdict: str) -> None:
    assert judge(GATES, mask, given_box, before) == verdict


def test_the_failed_share_only_counts_generated_masks() -> None:
    assert failed_share(["given", "absent", "unknown", "empty"]) == 0.0
    assert failed_share(["given", "made", "made", "made", "jump"]) == 0.25
    assert failed_share(["lost", "outside", "box", "jump"]) == 1.0


@given(st.integers(0, 12), st.integers(0, 4))
def test_every_frame_gets_its_window_and_only_that_is_held(count: int, radius: int) -> None:
    pulled = 0

    def raws() -> Iterator[RawMask]:
        nonlocal pulled
        for i in range(count):
            pulled += 1
            yield RawMask(np.full((1, 1), i, np.uint8), "made")

    seen = []
    for i, window in _windows(raws(), radius):
        assert pulled == min(count, i + radius + 1)
        assert sorted(window) == list(range(max(0, i - radius), min(count, i + radius + 1)))
        assert all(int(raw.support_HW[0, 0]) == j for j, raw in window.items())
        seen.append(i)
    assert seen == list(range(count))


def test_given_absent_unknown_and_lost_masks_are_not_changed(tmp_path: Path) -> None:
    masks = [ball(30, 20), np.zeros((H, W), np.uint8), np.zeros((H, W), np.uint8), ball(8, 8, 3)]
    speckled = masks[0].copy()
    speckled[40, 60] = 255
    far = measure(masks[3], masks[3])
    raws = [
        RawMask(speckled, "given", far),
        RawMask(masks[1], "absent"),
        RawMask(masks[2], "unknown"),
        RawMask(masks[3], "lost"),
    ]
    found = refine(tmp_path, raws, paint(masks))
    for raw, frame in zip(raws, found, strict=True):
        assert np.array_equal(frame.mask_HW, raw.support_HW)
        assert frame.verdict == raw.verdict
    assert found[0].geometry == far  # as it was measured before
    assert found[3].geometry == measure(masks[3], np.zeros_like(masks[3]))


def test_neighbours_outvote_a_flicker(tmp_path: Path) -> None:
    masks = rolling(5)
    bitten = masks[2].copy()
    bitten[:24, 20:] = 0
    raws = [RawMask(bitten if i == 2 else m, "made", outlined=True) for i, m in enumerate(masks)]
    found = refine(tmp_path, raws, paint(masks))
    assert overlap(bitten, masks[2]) < 0.8
    assert overlap(found[2].mask_HW, masks[2]) > 0.95
    assert np.array_equal(found[2].raw_HW, bitten)
    alone = refine(tmp_path, raws, paint(masks), refine={"radius": 0})
    assert np.array_equal(alone[2].mask_HW, bitten)


def test_a_loose_outline_moves_to_where_the_colours_change(tmp_path: Path) -> None:
    true, loose = ball(36, 24, 12), ball(36, 24, 13)
    (found,) = refine(tmp_path, [RawMask(loose, "made")], paint([true]), refine={"band": 0.1})
    assert overlap(loose, true) < 0.9
    assert overlap(found.mask_HW, true) > 0.98
    (kept,) = refine(tmp_path, [RawMask(loose, "made", outlined=True)], paint([true]), refine={"band": 0.1})
    assert np.array_equal(kept.mask_HW, loose)


def test_a_refined_mask_stays_in_its_limit_and_off_other_objects(tmp_path: Path) -> None:
    true = ball(36, 24, 12)
    others = np.zeros_like(true)
    others[:, 44:] = 255
    limit = Rectangle(14, 26, 34, 60)
    (found,) = refine(tmp_path, [RawMask(true, "made", limit=limit, others_HW=others)], paint([true]))
    outside = np.ones((H, W), bool)
    outside[limit.slices] = False
    assert not found.mask_HW[outside].any()
    # The right side touches the other object, which gets the band along the outline.
    assert found.geometry.touch > 0
    band = (others > 0) & (ball(36, 24, 11.4) == 0)
    assert not found.mask_HW[band].any()


def test_a_jump_fails_the_frame_and_the_next_one_is_not_compared(tmp_path: Path) -> None:
    masks = [ball(30, 24, 8), ball(30, 24, 16), ball(30, 24, 16)]
    raws = [RawMask(m, "made", outlined=True) for m in masks]
    found = refine(tmp_path, raws, paint(masks), refine={"radius": 0})
    assert [f.verdict for f in found] == ["made", "jump", "made"]


def test_refinement_never_removes_a_mask(tmp_path: Path) -> None:
    dot = np.zeros((H, W), np.uint8)
    dot[5, 5] = 255
    (found,) = refine(tmp_path, [RawMask(dot, "made")], paint([ball(40, 30)]))
    assert found.mask_HW.any()
