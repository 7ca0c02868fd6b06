"""Masks between annotated frames: annotations are kept exactly, other frames use flow, or absent before the object."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.mask_videos import H, W, ball, open_track, overlap, paint, params, rolling, save, sparse
from tgvac.masks.dense_flow import DenseFlow, agreement, consistency, fetch
from tgvac.masks.flow import Flow
from tgvac.masks.opencv import one_thread
from tgvac.masks.segmenter import RawMask

EMPTY = np.zeros((H, W), np.uint8)


def segment(path: Path, *others: Path) -> list[RawMask]:
    known = params()
    with open_track(path) as track, one_thread():
        beside = [open_track(other) for other in others]
        found = list(Flow(known.flow, known.dense_flow).segment(track, beside))
        for other in beside:
            other.__exit__(None, None, None)
        return found


def test_annotated_frames_keep_their_mask_and_measurement(tmp_path: Path) -> None:
    masks = rolling(11)
    path = sparse(tmp_path, masks, [0, 5, 10])
    found = segment(path)
    with open_track(path) as track:
        for i in (0, 5, 10):
            assert np.array_equal(found[i].mask_HW, masks[i])
            assert found[i].geometry == track.meta.geometry[i]
            assert found[i].verdict == "given"


def test_frames_between_follow_the_object(tmp_path: Path) -> None:
    masks = rolling(11)
    found = segment(sparse(tmp_path, masks, [0, 5, 10]))
    for i in (1, 2, 3, 4, 6, 7, 8, 9):
        assert found[i].verdict == "made"
        assert overlap(found[i].mask_HW, masks[i]) > 0.9
    # Copying the nearest annotation would fail: it is up to four pixels off.
    assert overlap(masks[2], masks[0]) < 0.8


def test_after_the_last_annotation_masks_end_at_the_reach(tmp_path: Path) -> None:
    found = segment(sparse(tmp_path, rolling(9), [0, 2]))
    assert [f.verdict for f in found] == ["given", "made", "given", *["made"] * 5, "unknown"]
    assert not found[8].mask_HW.any()


def test_a_single_annotation_works_and_nothing_is_known_before_it(tmp_path: Path) -> None:
    found = segment(sparse(tmp_path, rolling(4), [1]))
    assert [f.verdict for f in found] == ["absent", "given", "made", "made"]
    assert [bool(f.mask_HW.any()) for f in found] == [False, True, True, True]


def test_an_object_that_appears_late_is_absent_until_its_first_annotation(tmp_path: Path) -> None:
    masks = [EMPTY, EMPTY, EMPTY, EMPTY, *rolling(3)]
    found = segment(sparse(tmp_path, masks, [0, 2, 5]))
    assert [f.verdict for f in found] == ["empty", "absent", "empty", "absent", "absent", "given", "made"]
    assert not any(f.mask_HW.any() for f in found[:5])


def test_between_two_annotations_without_the_object_it_is_absent(tmp_path: Path) -> None:
    masks = [*rolling(1), EMPTY, EMPTY, EMPTY, *rolling(1)]
    found = segment(sparse(tmp_path, masks, [0, 1, 3, 4]))
    assert [f.verdict for f in found] == ["given", "empty", "absent", "empty", "given"]


def test_a_gap_wider_than_the_reach_is_unknown_in_its_middle(tmp_path: Path) -> None:
    found = segment(sparse(tmp_path, [ball(30, 24)] * 14, [0, 13]))
    assert [f.verdict for f in found] == ["given", *["made"] * 5, "unknown", "unknown", *["made"] * 5, "given"]


def test_a_pixel_of_another_object_is_not_taken(tmp_path: Path) -> None:
    left, right = [ball(24, 24)] * 3, [ball(44, 24)] * 3
    frames = np.where(np.stack(right)[..., None] > 0, paint(right, (40, 60, 210)), paint(left))
    one = save(tmp_path, [left[0], None, left[2]], frames, "s/v/1")
    two = save(tmp_path, [right[0], None, right[2]], frames, "s/v/2")
    (_, first, _), (_, second, _) = segment(one, two), segment(two, one)
    assert not ((first.mask_HW > 0) & (second.mask_HW > 0)).any()
    assert first.others_HW is not None
    assert overlap(first.others_HW, right[1]) > 0.95


def test_small_frames_have_a_flow_too() -> None:
    rng = np.random.default_rng(0)
    one = rng.integers(0, 256, (9, 13), dtype=np.uint8)
    flow = DenseFlow(params().dense_flow).between(one, one)
    assert flow.shape == (9, 13, 2)
    assert np.abs(flow).max() < 0.5


def test_a_flow_finds_a_shift() -> None:
    frames = paint(rolling(2))
    # The whole frame moves by three pixels, so every pixel has a match, except at the edge.
    there = np.roll(frames[0], 3, axis=1)
    flow = DenseFlow(params().dense_flow).between(frames[0].mean(2).astype(np.uint8), there.mean(2).astype(np.uint8))
    inner = flow[8:-8, 8:-8]
    assert abs(float(np.median(inner[..., 0])) - 3) < 0.2
    assert abs(float(np.median(inner[..., 1]))) < 0.2


def test_values_are_fetched_where_the_flow_leads() -> None:
    there = np.arange(12, dtype=np.float32).reshape(3, 4)
    flow = np.zeros((3, 4, 2), np.float32)
    flow[..., 0] = 1
    assert np.array_equal(fetch(there, flow), [[1, 2, 3, 0], [5, 6, 7, 0], [9, 10, 11, 0]])


def test_agreement_and_consistency_are_1_for_equal_values_and_1_over_e_at_their_scale() -> None:
    still = np.zeros((2, 3, 2), np.float32)
    grey = np.full((2, 3, 3), 100, np.uint8)
    assert np.allclose(agreement(grey, grey, still, 20.0), 1)
    assert np.allclose(agreement(grey, grey + np.uint8(20), still, 20.0), np.exp(-1))
    assert np.allclose(consistency(still, still, 2.0), 1)
    off = still.copy()
    off[..., 1] = 2
    assert np.allclose(consistency(still, off, 2.0), np.exp(-1))


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
def test_each_preset_propagates_a_mask(tmp_path: Path, preset: str) -> None:
    masks = rolling(3)
    known = params(dense_flow={"preset": preset})
    with open_track(sparse(tmp_path, masks, [0, 2])) as track, one_thread():
        found = list(Flow(known.flow, known.dense_flow).segment(track, []))
    assert overlap(found[1].mask_HW, masks[1]) > 0.85
