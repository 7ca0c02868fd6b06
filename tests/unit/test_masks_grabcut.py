"""Masks from boxes by GrabCut: colours in the box, absent objects, uninformative boxes, and occluders."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.mask_videos import H, W, ball, boxed, open_track, overlap, paint, params, rolling
from tgvac.clips.box import Box
from tgvac.clips.track import Track
from tgvac.errors import BadInput
from tgvac.masks.colours import ColourMemory, object_chance
from tgvac.masks.grabcut import GrabCut, follow, grown
from tgvac.masks.opencv import cut, one_thread
from tgvac.masks.segmenter import RawMask, Rectangle


def segment(path: Path) -> list[RawMask]:
    with open_track(path) as track, one_thread():
        return list(GrabCut(params().grabcut).segment(track, []))


def test_a_ball_is_found_in_its_box(tmp_path: Path) -> None:
    masks = rolling(6)
    found = segment(boxed(tmp_path, masks))
    assert [f.verdict for f in found] == ["made"] * 6
    assert min(overlap(f.mask_HW, m) for f, m in zip(found, masks, strict=True)) > 0.95
    assert all(f.outlined for f in found)


def test_only_absent_frames_are_empty(tmp_path: Path) -> None:
    masks = rolling(5)
    masks[1] = masks[4] = np.zeros((H, W), np.uint8)
    found = segment(boxed(tmp_path, masks))
    assert [f.verdict for f in found] == ["made", "absent", "made", "made", "absent"]
    assert [bool(f.mask_HW.any()) for f in found] == [True, False, True, True, False]


def test_a_box_too_small_for_colours_gives_all_of_its_pixels_as_lost(tmp_path: Path) -> None:
    masks = rolling(2)
    found = segment(boxed(tmp_path, masks, boxes=(Box(x=10.25, y=20.0, w=2.5, h=3.0), Box(x=5, y=6, w=0.1, h=0.1))))
    assert [f.verdict for f in found] == ["lost", "lost"]
    for raw, (top, left, bottom, right) in zip(found, [(20, 10, 23, 13), (6, 5, 7, 6)], strict=True):
        expected = np.zeros((H, W), np.uint8)
        expected[top:bottom, left:right] = 255
        assert np.array_equal(raw.mask_HW, expected)


def test_a_box_of_the_whole_frame_is_lost_without_a_background(tmp_path: Path) -> None:
    (raw,) = segment(boxed(tmp_path, rolling(1), boxes=(Box(x=0, y=0, w=W, h=H),)))
    assert (raw.verdict, bool((raw.mask_HW == 255).all())) == ("lost", True)


def test_a_box_that_extends_beyond_the_frame_is_clipped(tmp_path: Path) -> None:
    masks = [ball(4, 24)]
    (raw,) = segment(boxed(tmp_path, masks, boxes=(Box(x=-6, y=14, w=20, h=20),)))
    assert overlap(raw.mask_HW, masks[0]) > 0.9


def test_a_box_outside_of_the_image_is_refused(tmp_path: Path) -> None:
    path = boxed(tmp_path, rolling(1), boxes=(Box(x=80, y=3, w=5, h=5),), frame_numbers=(7,))
    with pytest.raises(BadInput, match=r"s/v/1: the box of frame 7 is outside of the image \(72x48\); correct the box"):
        segment(path)


def test_fewer_boxes_than_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 boxes for 3 frames"):
        boxed(tmp_path, rolling(3), boxes=(Box(x=1, y=1, w=5, h=5),))


def test_an_occluder_that_enters_the_box_is_not_the_object(tmp_path: Path) -> None:
    behind = [ball(36, 24)] * 12
    before = [ball(4 + 3.5 * i, 26, 7) for i in range(12)]
    frames = paint(behind)
    blue = paint(before, (40, 60, 210))
    frames = np.where(np.stack(before)[..., None] > 0, blue, frames)
    seen = [np.where(b > 0, 0, m).astype(np.uint8) for m, b in zip(behind, before, strict=True)]
    found = segment(boxed(tmp_path, seen, frames))
    crossing = [i for i in range(12) if (seen[i] != behind[i]).sum() > 60]
    assert len(crossing) >= 3
    assert min(overlap(found[i].mask_HW, seen[i]) for i in crossing) > 0.85


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.none() | st.tuples(st.floats(-5, W - 1), st.floats(-5, H - 1), st.floats(5.5, 90), st.floats(5.5, 60)),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 3),
)
def test_masks_are_inside_the_grown_boxes_and_empty_if_absent(
    tmp_path: Path, boxes: list[tuple[float, float, float, float] | None], seed: int
) -> None:
    given_boxes = tuple(Box(x=b[0], y=b[1], w=b[2], h=b[3]) if b else None for b in boxes)
    frames = np.random.default_rng(seed).integers(0, 256, (len(boxes), H, W, 3), dtype=np.uint8)
    found = segment(boxed(tmp_path, [ball(0, 0)] * len(boxes), frames, boxes=given_boxes))
    for box, raw in zip(given_boxes, found, strict=True):
        mask_HW = raw.mask_HW
        assert set(np.unique(mask_HW)) <= {0, 255}
        assert bool(mask_HW.any()) == (box is not None)
        if box is None:
            continue
        clipped = box.clipped(H, W)
        assert clipped is not None
        by = max(1.0, 0.05 * max(clipped.w, clipped.h))
        rows, columns = np.nonzero(mask_HW)
        # Pixels that the grown box touches.
        assert columns.min() > clipped.x - by - 1
        assert columns.max() < clipped.x + clipped.w + by
        assert rows.min() > clipped.y - by - 1
        assert rows.max() < clipped.y + clipped.h + by


def test_neither_earlier_random_numbers_nor_threads_change_a_mask(tmp_path: Path) -> None:
    path = boxed(tmp_path, rolling(3))
    masks = []
    for seed, threads in ((1, 1), (99, 2)):
        cv2.setRNGSeed(seed)
        cv2.setNumThreads(threads)
        masks.append(np.stack([raw.mask_HW for raw in segment(path)]))
        assert cv2.getNumThreads() == threads  # restored
    assert np.array_equal(*masks)


def test_a_cut_of_labels_of_one_kind_returns_them() -> None:
    frame = np.zeros((4, 5, 3), np.uint8)
    assert cut(frame, np.full((4, 5), cv2.GC_PR_FGD, np.uint8), 1, "t").all()
    assert not cut(frame, np.full((4, 5), cv2.GC_PR_BGD, np.uint8), 1, "t").any()


def test_a_cut_does_not_change_its_labels() -> None:
    labels = np.full((H, W), cv2.GC_BGD, np.uint8)
    labels[10:40, 10:40] = cv2.GC_PR_FGD
    before = labels.copy()
    cut(paint(rolling(1))[0], labels, 1, "t")
    assert np.array_equal(labels, before)


@pytest.mark.parametrize(
    ("box", "by", "expected"),
    [
        (Box(x=3, y=4, w=2, h=5), 0.0, Rectangle(4, 3, 9, 5)),
        (Box(x=3.5, y=4.5, w=2, h=5), 0.0, Rectangle(4, 3, 10, 6)),
        (Box(x=3.5, y=4.5, w=2, h=5), 1.0, Rectangle(3, 2, 10, 7)),
        (Box(x=0, y=1, w=19, h=8), 4.0, Rectangle(0, 0, 10, 20)),
    ],
)
def test_a_grown_box_holds_every_pixel_it_touches(box: Box, by: float, expected: Rectangle) -> None:
    assert grown(box, by, 10, 20) == expected


def test_a_mask_follows_its_box_when_it_moves_and_when_it_doubles() -> None:
    mask = np.zeros((20, 30), np.uint8)
    mask[4:8, 5:11] = 255
    moved = np.zeros_like(mask)
    moved[6:10, 8:14] = 255
    assert np.array_equal(follow(mask, Box(x=5, y=4, w=6, h=4), Box(x=8, y=6, w=6, h=4)), moved)
    doubled = np.zeros_like(mask)
    doubled[8:16, 10:22] = 255
    assert np.array_equal(follow(mask, Box(x=5, y=4, w=6, h=4), Box(x=10, y=8, w=12, h=8)), doubled)


def test_an_empty_memory_finds_nothing_foreign() -> None:
    frame = paint(rolling(1))[0]
    memory = ColourMemory(params().grabcut.memory)
    assert not memory.foreign(frame, 1.0).any()
    memory.learn(frame, np.zeros((H, W), bool), np.ones((H, W), bool))
    assert not memory.foreign(frame, 1.0).any()


def test_a_memory_finds_colours_of_the_background_and_not_new_ones() -> None:
    frame = np.zeros((10, 30, 3), np.uint8)
    frame[:, :10], frame[:, 10:20], frame[:, 20:] = (200, 0, 0), (0, 200, 0), (0, 0, 200)
    memory = ColourMemory(params().grabcut.memory)
    red, green = np.zeros((10, 30), bool), np.zeros((10, 30), bool)
    red[:, :10], green[:, 10:20] = True, True
    memory.learn(frame, red, green)
    foreign = memory.foreign(frame, 0.1)
    assert foreign[:, 10:20].all()
    assert not foreign[:, :10].any()
    assert not foreign[:, 20:].any()


def test_the_chance_of_a_colour_is_the_mean_belief_in_its_pixels() -> None:
    frame = np.zeros((1, 4, 3), np.uint8)
    frame[0, 2:] = 255
    belief = np.array([[1.0, 0.5, 0.5, 0.0]], np.float32)
    # The weights of object and background are 1.5 and 0.5 for black, 0.5 and 1.5 for white.
    chance = object_chance(frame, belief, 16, 1e-9)
    assert np.allclose(chance, [[0.75, 0.75, 0.25, 0.25]], atol=1e-6)


def test_boxes_survive_in_the_track(tmp_path: Path) -> None:
    with Track(boxed(tmp_path, rolling(2))) as track:
        assert track.meta.annotated == (False, False)
        assert track.meta.boxes == (Box(x=6, y=14, w=20, h=20), Box(x=8, y=14, w=20, h=20))
