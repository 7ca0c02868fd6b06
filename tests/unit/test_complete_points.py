"""Points without weights: what they cut out, and how they correct a mask that was tracked."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import CLONE
from tests.unit.builders import Array
from tests.unit.layouts import write
from tests.unit.moving_square import iou
from tgvac.clips.box import Box
from tgvac.clips.images import encode_png
from tgvac.complete.told import told
from tgvac.errors import BadInput
from tgvac.params import load_params
from tgvac.sources.frames import open_frames
from tgvac.tracking.colour_cut import corrected, cut_around
from tgvac.tracking.prompts import Prompt, Selection
from tgvac.tracking.selection import select
from tgvac.tracking.tracker import Tracker, VisibleMasks

SIZE = 96, 160
COUNT = 8


def ellipse(x: float, y: float, across: int = 18, down: int = 22) -> Array:
    out_HW = np.zeros(SIZE, np.uint8)
    cv2.ellipse(out_HW, (int(x), int(y)), (across, down), 0, 0, 360, 255, -1)
    return out_HW


def painted(red_HW: Array, blue_HW: Array, shift: int = 0) -> Array:
    """Something red and something blue on grainy green, the blue behind; the grain of the red is shifted with it."""
    grain_HW1 = np.random.default_rng(3).integers(0, 30, (*SIZE, 1), np.uint8)
    grain_HW1 = np.where(red_HW[..., None] > 0, np.roll(grain_HW1, shift, axis=1), grain_HW1)
    frame_HW3 = np.full((*SIZE, 3), (60, 130, 60), np.uint8)
    frame_HW3[blue_HW > 0] = (50, 60, 180)
    frame_HW3[red_HW > 0] = (180, 40, 40)
    return frame_HW3 + grain_HW1


RED, BLUE = ellipse(60, 48), ellipse(92, 48)
BEHIND = np.where(RED > 0, 0, BLUE).astype(np.uint8)
FRAME = painted(RED, BLUE)


def test_points_on_an_object_cut_it_out_by_colour() -> None:
    assert iou(cut_around(FRAME, [(60, 48), (60, 34), (56, 60)], [], None), RED) > 0.9
    assert iou(cut_around(FRAME, [(100, 48), (98, 36), (98, 60)], [], None), BEHIND) > 0.9


def test_points_on_both_cut_out_both_and_a_negative_point_takes_one_off() -> None:
    both = cut_around(FRAME, [(60, 48), (100, 48)], [], None)
    assert iou(both, RED | BLUE) > 0.85
    box = Box(x=36, y=20, w=80, h=56)
    whole = cut_around(FRAME, [(60, 48)], [(20, 10)], box)
    one = cut_around(FRAME, [(60, 48)], [(100, 48)], box)
    assert np.count_nonzero(one & BEHIND) < 0.1 * np.count_nonzero(BEHIND)
    assert iou(one, RED) > 0.85
    assert np.count_nonzero(whole) >= np.count_nonzero(one)


def test_nothing_outside_of_a_box_belongs_to_what_is_cut_out_in_it() -> None:
    found = cut_around(FRAME, [(60, 48)], [], Box(x=44, y=20, w=20, h=56))
    assert not found[:, :44].any()
    assert not found[:, 64:].any()
    assert found[48, 60]


def test_the_clicked_pixels_are_as_they_were_clicked() -> None:
    found = cut_around(FRAME, [(60.5, 48.5), (5, 5)], [(62, 60), (100, 48)], None)
    assert found[48, 60]
    assert found[5, 5]
    assert not found[60, 62]
    assert not found[48, 100]


def test_a_negative_point_takes_its_region_off_the_tracked_mask_and_leaves_the_rest() -> None:
    found = corrected(FRAME, RED | BLUE, [], [(100, 48)])
    assert np.count_nonzero(found & BEHIND) < 0.05 * np.count_nonzero(BEHIND)
    assert np.count_nonzero(found & RED) > 0.95 * np.count_nonzero(RED)


def test_a_point_adds_its_region_to_the_tracked_mask() -> None:
    found = corrected(FRAME, RED, [(100, 48)], [])
    assert iou(found, RED | BLUE) > 0.9


def test_a_correction_far_from_the_outline_changes_nothing_else() -> None:
    found = corrected(FRAME, RED, [(60, 48)], [(150, 90)])
    assert iou(found, RED) > 0.98


def test_the_same_points_give_the_same_bits() -> None:
    first, second = (cut_around(FRAME, [(60, 48)], [(100, 48)], None) for _ in "ab")
    assert np.array_equal(first, second)


def video(folder: Path) -> None:
    """The red thing moves to the left; the blue one stays."""
    for i in range(COUNT):
        write(folder / "frames" / f"{i}.png", encode_png(painted(ellipse(60 - 2 * i, 48), BLUE, -2 * i)))
    write(folder / "red.png", encode_png(RED))
    write(folder / "both.png", encode_png(RED | BLUE))


def tracked(folder: Path, *prompts: Prompt) -> VisibleMasks:
    frames = open_frames(folder / "frames")
    work = folder / f"work{len(list(folder.iterdir()))}"
    tracker = Tracker(load_params(CLONE, "paper").masks.model_copy(update={"first": "follow"}), 160, work)
    return tracker.track(frames, COUNT, select(frames, COUNT, Selection(prompts=prompts)))


def test_an_object_that_is_selected_by_points_is_tracked(tmp_path: Path) -> None:
    video(tmp_path)
    visible = tracked(tmp_path, Prompt(frame=0, points=((60, 48), (60, 34), (56, 60))))
    assert visible.lost() == []
    assert min(iou(visible[i], ellipse(60 - 2 * i, 48)) for i in range(COUNT)) > 0.8


def test_a_negative_point_in_a_later_frame_corrects_what_is_tracked_from_there_on(tmp_path: Path) -> None:
    video(tmp_path)
    first = Prompt(frame=0, mask=str(tmp_path / "both.png"))
    before = tracked(tmp_path, first)
    blue = (BEHIND > 0) & (np.indices(SIZE)[1] > 84)
    assert (before[6] > 0)[blue].mean() > 0.9
    after = tracked(tmp_path, first, Prompt(frame=5, not_points=((98, 48),)))
    for i in (5, 6, 7):
        assert (after[i] > 0)[blue].mean() < 0.1
        assert (after[i] > 0)[ellipse(60 - 2 * i, 48) > 0].mean() > 0.9
    assert np.array_equal(after[0], RED | BLUE)


def test_a_negative_point_where_the_object_is_lost_corrects_nothing_and_is_told(tmp_path: Path) -> None:
    video(tmp_path)
    for i in (4, 5, 6, 7):
        nothing = np.zeros(SIZE, np.uint8)
        write(tmp_path / "frames" / f"{i}.png", encode_png(painted(nothing, nothing)))
    visible = tracked(tmp_path, Prompt(frame=0, mask=str(tmp_path / "both.png")), Prompt(frame=6, not_points=((9, 9),)))
    assert visible.unused() == [6]
    assert any(
        "--not-point corrects nothing in frame 6, where the object is not found" in line for line in told(visible)
    )
    again = tracked(tmp_path, Prompt(frame=0, mask=str(tmp_path / "both.png")))
    assert again.lost() == visible.lost()


def test_points_that_leave_nothing_are_refused(tmp_path: Path) -> None:
    video(tmp_path)
    with pytest.raises(BadInput, match="The points of frame 2 leave nothing of the object; give other points"):
        tracked(
            tmp_path,
            Prompt(frame=0, mask=str(tmp_path / "red.png")),
            Prompt(frame=2, not_points=((50, 40), (60, 40), (50, 56), (60, 56))),
        )
