"""Tracking from prompts without weights: both ways from one, joined between several, lost where nothing is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import CLONE
from tests.unit import moving_square
from tests.unit.layouts import write
from tests.unit.moving_square import COUNT, HEIGHT, WIDTH, at, box_at, iou, mask
from tgvac.clips.images import encode_png
from tgvac.complete.told import told
from tgvac.errors import BadInput
from tgvac.masks.verdicts import LOST
from tgvac.params import load_params
from tgvac.progress import Heard, heard_by
from tgvac.sources.frames import open_frames
from tgvac.tracking.joining import DOUBTFUL, FOUND, Tracked, join
from tgvac.tracking.prompts import Prompt, Selection
from tgvac.tracking.selection import Marks, select
from tgvac.tracking.tracker import Tracker, VisibleMasks, track_in_memory

LONG = 20
"""Frames of a video in which the square is away for a while."""
AWAY = range(7, 13)


def tracked(folder: Path, *prompts: Prompt, work: str = "work", long_side: int = WIDTH) -> VisibleMasks:
    frames = open_frames(folder / "frames")
    count = frames.examine().count
    masks = load_params(CLONE, "paper").masks.model_copy(update={"first": "follow"})
    tracker = Tracker(masks, long_side, folder / work)
    return tracker.track(frames, count, select(frames, count, Selection(prompts=prompts)))


def by_box(i: int) -> Prompt:
    return Prompt(frame=i, box=box_at(i))


def by_mask(folder: Path, i: int) -> Prompt:
    return Prompt(frame=i, mask=str(folder / "masks" / f"{i:04d}.png"))


@pytest.mark.parametrize("frame", [0, 3, COUNT - 1])
@pytest.mark.parametrize("kind", ["box", "mask"])
def test_an_object_is_tracked_from_any_frame_to_both_ends(tmp_path: Path, frame: int, kind: str) -> None:
    moving_square.write_video(tmp_path)
    visible = tracked(tmp_path, by_box(frame) if kind == "box" else by_mask(tmp_path, frame))
    assert len(visible) == COUNT
    assert visible[0].shape == (HEIGHT, WIDTH)
    assert visible.lost() == []
    assert min(iou(visible[i], mask(i)) for i in range(COUNT)) > 0.75


def test_masks_in_every_frame_are_taken_as_they_are(tmp_path: Path) -> None:
    moving_square.write_video(tmp_path)
    frames = open_frames(tmp_path / "frames")
    selected = select(frames, COUNT, Selection(every=str(tmp_path / "masks")))
    visible = Tracker(load_params(CLONE, "paper").masks, 96, tmp_path / "work").track(frames, COUNT, selected)
    assert all(np.array_equal(visible[i], mask(i)) for i in range(COUNT))
    write(tmp_path / "masks" / "0003.png", encode_png(np.zeros((HEIGHT, WIDTH), np.uint8)))
    assert not Tracker(load_params(CLONE, "paper").masks, 96, tmp_path / "w2").track(frames, COUNT, selected)[3].any()


def test_an_object_that_was_away_is_taken_up_by_the_next_prompt_and_never_guessed(tmp_path: Path) -> None:
    moving_square.write_video(tmp_path, LONG, AWAY)
    once = tracked(tmp_path, by_mask(tmp_path, 0))
    assert set(once.lost()) >= set(range(AWAY.start + 1, LONG))
    twice = tracked(tmp_path, by_mask(tmp_path, 0), by_mask(tmp_path, 17), work="twice")
    assert set(AWAY[1:-1]) <= set(twice.lost()) <= set(range(AWAY.start - 1, AWAY.stop + 1))
    for i in range(LONG):
        if i in twice.lost():
            assert not twice[i].any()
        else:
            assert iou(twice[i], mask(i)) > 0.75
    (said,) = told(twice)
    lost = twice.lost()
    assert f"not found in {len(lost)} of {LONG} frames: frames {lost[0]} to {lost[-1]};" in said


def test_given_masks_are_kept_in_all_their_pixels_in_every_marked_frame(tmp_path: Path) -> None:
    moving_square.write_video(tmp_path)
    visible = tracked(tmp_path, *(by_mask(tmp_path, i) for i in (1, 2, 6)))
    assert all(np.array_equal(visible[i], mask(i)) for i in (1, 2, 6))
    assert min(iou(visible[i], mask(i)) for i in range(COUNT)) > 0.8


def test_a_line_too_thin_for_the_tracker_is_tracked(tmp_path: Path) -> None:
    moving_square.write_video(tmp_path)
    line_HW = np.zeros((HEIGHT, WIDTH), np.uint8)
    line_HW[at(0)[0].start, at(0)[1]] = 255
    write(tmp_path / "line.png", encode_png(line_HW))
    visible = tracked(tmp_path, Prompt(frame=0, mask=str(tmp_path / "line.png")), long_side=WIDTH // 4)
    assert np.array_equal(visible[0], line_HW), "all its pixels are kept in its own frame"
    assert len(visible) == COUNT


def test_a_mask_that_shows_nothing_is_refused_as_a_mask() -> None:
    frames_FHW3 = np.stack([moving_square.picture(i) for i in range(2)])
    masks = load_params(CLONE, "paper").masks.model_copy(update={"first": "follow"})
    with pytest.raises(BadInput, match="The mask of frame 0 shows nothing; mark what is seen of the object there"):
        track_in_memory(frames_FHW3, Marks(0, mask_HW=np.zeros((HEIGHT, WIDTH), np.uint8)), masks)


def test_the_order_of_prompts_does_not_matter_and_steps_are_counted_to_the_end(tmp_path: Path) -> None:
    moving_square.write_video(tmp_path)
    heard: list[Heard] = []
    with heard_by(heard.append):
        first = tracked(tmp_path, by_box(1), by_box(5))
    again = tracked(tmp_path, by_box(5), by_box(1), work="again")
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    steps = [each for each in heard if each.label == "tracking"]
    done = [each.done for each in steps]
    assert done == list(range(len(steps)))
    assert {each.total for each in steps} == {done[-1]}


def square(left: int, verdict: str = FOUND) -> Tracked:
    out_HW = np.zeros((40, 80), np.uint8)
    if verdict != LOST:
        out_HW[10:30, left : left + 20] = 255
    return Tracked(out_HW, verdict)


def test_between_two_prompts_the_outline_lies_between_and_nearer_to_the_nearer_side() -> None:
    for since, until, left in ((1, 3, 21), (2, 2, 22), (3, 1, 23)):
        joined = join(square(20), square(24), since, until)
        assert joined.verdict == FOUND
        assert np.flatnonzero(joined.mask_HW[20])[0] == pytest.approx(left, abs=1)
        assert np.count_nonzero(joined.mask_HW[20]) == pytest.approx(20, abs=2)


@pytest.mark.parametrize(
    ("before", "after", "since", "left"),
    [
        (square(0), square(50), 1, 0),
        (square(0), square(50), 7, 50),
        (square(0, LOST), square(50), 1, 50),
        (square(0), square(50, LOST), 7, 0),
        (square(0, DOUBTFUL), square(50), 1, 50),
        (square(0, LOST), square(50, DOUBTFUL), 1, 50),
        (square(0, LOST), square(50, LOST), 4, None),
    ],
    ids=[
        "apart, nearer before",
        "apart, nearer after",
        "lost before",
        "lost after",
        "doubtful",
        "one at least",
        "both",
    ],
)
def test_the_side_that_has_the_object_is_taken_and_else_the_nearer(
    before: Tracked, after: Tracked, since: int, left: int | None
) -> None:
    joined = join(before, after, since, 8 - since)
    if left is None:
        assert joined.verdict == LOST
        assert not joined.mask_HW.any()
    else:
        assert np.array_equal(joined.mask_HW, square(left).mask_HW)
