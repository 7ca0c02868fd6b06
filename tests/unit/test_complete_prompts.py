"""What a user may select an object by: how options are read, joined, checked against the video, and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit import moving_square
from tests.unit.layouts import write
from tests.unit.moving_square import COUNT, HEIGHT, WIDTH, mask
from tgvac.clips.box import Box
from tgvac.clips.images import encode_png
from tgvac.complete.told import ranges
from tgvac.errors import BadInput
from tgvac.sources.frames import open_frames
from tgvac.tracking.prompts import Prompt, Selection, read_selection
from tgvac.tracking.selection import Marks, select


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "small.png", encode_png(np.full((48, 64), 255, np.uint8)))
    write(tmp_path / "empty.png", encode_png(np.zeros((HEIGHT, WIDTH), np.uint8)))
    for i in range(COUNT):
        write(tmp_path / "black" / f"{i}.png", encode_png(np.zeros((HEIGHT, WIDTH), np.uint8)))
    for i in range(2):
        write(tmp_path / "few" / f"{i}.png", encode_png(mask(i)))
    return moving_square.write_video(tmp_path)


def test_options_of_one_frame_are_joined_and_a_number_before_the_colon_names_another_frame() -> None:
    selection = read_selection(
        5,
        boxes=["1,2,3,4", "0:10,20,30,40"],
        points=["2,3", "0:12,22,14,24", "0:16,26", "7:8.5,9"],
        not_points=["0:38,58", "9:1,1"],
    )
    assert selection.prompts == (
        Prompt(
            frame=0,
            box=Box(x=10, y=20, w=30, h=40),
            points=((12, 22), (14, 24), (16, 26)),
            not_points=((38, 58),),
        ),
        Prompt(frame=5, box=Box(x=1, y=2, w=3, h=4), points=((2, 3),)),
        Prompt(frame=7, points=((8.5, 9),)),
        Prompt(frame=9, not_points=((1, 1),)),
    )


def test_masks_of_several_frames_are_read_and_a_folder_is_the_mask_of_every_frame(folder: Path) -> None:
    frames = open_frames(folder / "frames")
    given = [str(folder / "masks" / "0002.png"), f"6:{folder / 'masks' / '0006.png'}"]
    selected = select(frames, COUNT, read_selection(2, masks=given))
    assert [marks.frame for marks in selected.marks] == [2, 6]
    for marks in selected.marks:
        assert marks.mask_HW is not None
        assert np.array_equal(marks.mask_HW, mask(marks.frame))
    every = read_selection(masks=[str(folder / "masks")])
    assert every == Selection(every=str(folder / "masks"))
    found = select(frames, COUNT, every).every
    assert found is not None
    assert np.array_equal(found.mask(4), mask(4))


def test_marks_are_resized_with_their_frame(folder: Path) -> None:
    selection = read_selection(0, ["20,30,28,28"], ["34,44"], ["60,90"])
    (marks,) = select(open_frames(folder / "frames"), COUNT, selection).marks
    half = marks.resized((HEIGHT, WIDTH), (HEIGHT // 2, WIDTH // 4))
    assert half.box == Box(x=5, y=15, w=7, h=14)
    assert half.points == ((8.5, 22),)
    assert half.not_points == ((15, 45),)


def test_a_box_that_reaches_beyond_the_frame_is_used_and_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (marks,) = select(open_frames(folder / "frames"), COUNT, read_selection(boxes=["100,60,60,20"])).marks
    assert marks.box == Box(x=100, y=60, w=60, h=20)
    said = "--box 100,60,60,20 of frame 0 reaches beyond its frame of 128x96; the part inside is used."
    assert capsys.readouterr().out.strip() == said
    select(open_frames(folder / "frames"), COUNT, read_selection(boxes=["100,60,28,36"]))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Select the object by --box x,y,w,h, by --point x,y, by --mask FILE or"),
        ({"boxes": ["1,2,3"]}, "--box 1,2,3 is not x,y,w,h; give four numbers in pixels"),
        ({"boxes": ["1,2,nan,4"]}, "--box 1,2,nan,4 is not x,y,w,h; give four numbers in pixels"),
        ({"boxes": ["1,2,0,4"]}, "--box 1,2,0,4 has no area"),
        ({"boxes": ["0.1,0.1,0.5,0.5"]}, "lies within one pixel; write x, y, width and height"),
        ({"boxes": ["500,2,9,9"]}, "--box 500,2,9,9 of frame 0 is outside its frame of 128x96"),
        ({"boxes": ["1,2,3,4", "0:5,6,7,8"]}, "Two --box are given for frame 0 (--find gives one, too); keep one"),
        ({"frame": COUNT, "boxes": ["1,2,3,4"]}, f"frame {COUNT} (of --frame, or before the colon of --box) is not in"),
        ({"points": [f"{COUNT}:1,2"]}, f"the colon of --point) is not in the video, which has {COUNT} frames, from 0"),
        ({"points": ["-1:1,2"]}, "frame -1 (of --frame, or before the colon of --point) is not in the video"),
        ({"points": ["1"]}, "--point 1 is not x,y or x,y,x,y; give two numbers in pixels a point"),
        ({"points": ["1,2,3"]}, "--point 1,2,3 is not x,y or x,y,x,y"),
        ({"points": ["a:1,2"]}, "--point a:1,2 is not x,y or x,y,x,y"),
        ({"points": [""]}, "--point  is not x,y or x,y,x,y"),
        ({"points": ["3,4,128,5"]}, "--point 128,5 of frame 0 is outside its frame of 128x96; correct it"),
        ({"points": ["2:3,-1"]}, "--point 3,-1 of frame 2 is outside its frame"),
        ({"points": ["0.5,0.25"]}, "--point 0.5,0.25 of frame 0 lies within one pixel; write x and y in pixels"),
        ({"points": ["3,4"], "not_points": ["9,96"]}, "--not-point 9,96 of frame 0 is outside its frame"),
        ({"not_points": ["4:3,4"]}, "--not-point in frame 4 only says what the object is not; add a --point, a --box"),
        ({"points": ["3,4"], "not_points": ["3.5,4.2"]}, "--point and --not-point both name pixel 3,4 of frame 0"),
        ({"boxes": ["10,10,20,20"], "points": ["50,15"]}, "--point 50,15 of frame 0 is outside of its --box; enlarge"),
        ({"masks": ["none.png"]}, "none.png does not exist; give a picture, or a folder or video of one mask a frame"),
        ({"masks": ["small.png"]}, "small.png is 64x48, the video 128x96; give a mask of its size"),
        ({"masks": ["empty.png"]}, "empty.png shows nothing; mark what is seen of the object in frame 0"),
        ({"masks": ["few"]}, "few has 2 masks, the video 8 frames; give one mask a frame"),
        ({"masks": ["black"]}, "black shows nothing in any frame"),
        ({"masks": ["3:black"]}, "black is a folder or a video, which has a mask of every frame; leave 3: out"),
        ({"masks": ["masks"], "points": ["3,4"]}, "masks has a mask of every frame already; leave every other --box"),
        ({"masks": ["masks", "small.png"]}, "has a mask of every frame already"),
        ({"masks": ["empty.png"], "boxes": ["1,2,3,4"]}, "frame 0 has a mask beside a box or points; keep one"),
        ({"masks": ["empty.png", "0:small.png"]}, "Two --mask are given for frame 0; keep one, or write FRAME:FILE"),
    ],
)
def test_a_selection_that_does_not_fit_is_refused_in_one_sentence(
    folder: Path, options: dict[str, object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(BadInput) as caught:
        select(open_frames(folder / "frames"), COUNT, read_selection(**options))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(), "Select the object by"),
        (Selection(prompts=(Prompt(frame=1),)), "The prompt of frame 1 marks nothing; give a box, points or a mask"),
        (
            Selection(prompts=(Prompt(frame=1, points=((3, 4),)), Prompt(frame=1, points=((5, 6),)))),
            "Two prompts are about frame 1; join them",
        ),
        (Selection(prompts=(Prompt(frame=1, points=((3, 4),)),), every="masks"), "has a mask of every frame already"),
    ],
)
def test_a_selection_of_a_program_is_checked_as_well(folder: Path, selection: Selection, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        select(open_frames(folder / "frames"), COUNT, selection)


def test_prompts_of_a_program_may_come_in_any_order(folder: Path) -> None:
    prompts = tuple(Prompt(frame=i, points=((30, 40),)) for i in (5, 0, 3))
    selected = select(open_frames(folder / "frames"), COUNT, Selection(prompts=prompts))
    assert [marks.frame for marks in selected.marks] == [0, 3, 5]


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([4], "frame 4"),
        ([4, 5], "frames 4 to 5"),
        ([*range(12, 31), 44], "frames 12 to 30 and 44"),
        ([0, 2, 3, 4, 9], "frames 0, 2 to 4 and 9"),
    ],
)
def test_frames_are_told_as_ranges(numbers: list[int], words: str) -> None:
    assert ranges(numbers) == words


def test_a_mask_too_thin_for_the_tracker_s_size_keeps_the_pixels_that_it_touches() -> None:
    line_HW = np.zeros((900, 1600), np.uint8)
    line_HW[400, 700:1000] = 255
    small_HW = Marks(0, mask_HW=line_HW).resized((900, 1600), (256, 456)).mask_HW
    assert small_HW is not None
    rows, columns = np.nonzero(small_HW)
    # Row 400 lies in 400 * 256 / 900 = 113.8; columns 700 to 999 from 199.5 to 284.7.
    assert set(rows) == {113}
    assert list(columns) == list(range(199, 285))


def test_a_mask_that_does_not_vanish_is_resized_by_area() -> None:
    wide_HW = np.zeros((8, 8), np.uint8)
    wide_HW[2:5, 2:8] = 255
    small_HW = Marks(0, mask_HW=wide_HW).resized((8, 8), (2, 2)).mask_HW
    # Of the four quarters, 4, 8, 2 and 4 of 16 pixels are of the mask.
    assert small_HW is not None
    assert small_HW.tolist() == [[0, 255], [0, 0]]
