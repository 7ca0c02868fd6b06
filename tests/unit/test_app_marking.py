"""What a visitor of the page marks: points, boxes and painted masks by frame, undone step by step."""

from __future__ import annotations

import pytest

from tgvac.app.marking import Marking, in_words
from tgvac.clips.box import Box
from tgvac.errors import BadInput
from tgvac.tracking.prompts import Prompt


def test_points_of_several_frames_are_kept_by_frame_in_order() -> None:
    marking = Marking().with_point(9, (4.5, 5.5)).with_point(2, (1.5, 2.5)).with_not_point(9, (7.5, 8.5))
    assert marking.prompts == (
        Prompt(frame=2, points=((1.5, 2.5),)),
        Prompt(frame=9, points=((4.5, 5.5),), not_points=((7.5, 8.5),)),
    )
    assert marking.at(9).points == ((4.5, 5.5),)
    assert marking.at(5) == Prompt(frame=5)


@pytest.mark.parametrize(("first", "second"), [((10, 20), (40, 60)), ((40, 60), (10, 20)), ((10, 60), (40, 20))])
def test_two_opposite_corners_in_any_order_are_a_box(first: tuple[int, int], second: tuple[int, int]) -> None:
    begun = Marking().with_corner(3, first)
    assert not begun
    assert begun.corner_at(3) == first
    assert begun.corner_at(4) is None
    done = begun.with_corner(3, second)
    assert done.prompts == (Prompt(frame=3, box=Box(x=10, y=20, w=30, h=40)),)
    assert done.corner is None


def test_a_corner_in_another_frame_begins_another_box() -> None:
    marking = Marking().with_corner(0, (1, 1)).with_corner(5, (2, 2)).with_corner(5, (9, 9))
    assert marking.prompts == (Prompt(frame=5, box=Box(x=2, y=2, w=7, h=7)),)


def test_a_second_box_of_a_frame_replaces_the_first_and_keeps_its_points() -> None:
    marking = Marking().with_corner(0, (1, 1)).with_corner(0, (9, 9)).with_point(0, (5, 5))
    again = marking.with_corner(0, (2, 2)).with_corner(0, (8, 8))
    assert again.prompts == (Prompt(frame=0, box=Box(x=2, y=2, w=6, h=6), points=((5, 5),)),)


def test_corners_without_an_area_are_refused_in_one_sentence() -> None:
    with pytest.raises(BadInput, match="less than a pixel apart; click the opposite corner"):
        Marking().with_corner(0, (5, 5)).with_corner(0, (30, 5.5))


def test_a_painted_mask_replaces_what_was_marked_in_its_frame_and_stands_alone() -> None:
    marking = Marking().with_point(1, (2, 3)).with_point(4, (2, 3)).with_mask(1, "mask.png")
    assert marking.prompts == (Prompt(frame=1, mask="mask.png"), Prompt(frame=4, points=((2, 3),)))
    for click in (marking.with_point, marking.with_not_point, marking.with_corner):
        with pytest.raises(BadInput, match="Frame 1 has a painted mask, which stands alone; press “Clear this frame”"):
            click(1, (2, 3))


def test_every_change_is_undone_one_by_one() -> None:
    first = Marking().with_point(0, (1, 1))
    begun = first.with_corner(2, (3, 3))
    done = begun.with_corner(2, (9, 9))
    assert done.without(0).undone() == done
    assert done.undone() == begun
    assert done.undone().undone() == first
    assert first.undone().undone().undone() == Marking()


def test_a_cleared_frame_has_no_prompt() -> None:
    assert not Marking().with_point(3, (1, 1)).without(3)


def test_marks_are_told_in_words() -> None:
    assert in_words(Marking()) == "Nothing is marked yet."
    marking = Marking().with_corner(0, (1, 1)).with_corner(0, (9, 9)).with_point(0, (5, 5)).with_point(0, (6, 6))
    marking = marking.with_not_point(12, (3, 3)).with_mask(20, "mask.png")
    assert in_words(marking) == (
        "Marked: frame 0: box, 2 points; frame 12: 1 point “not this”; frame 20: painted mask."
    )


def test_marks_of_a_frame_that_contradict_each_other_are_refused_in_the_page_s_words() -> None:
    marking = Marking().with_corner(0, (10, 10)).with_corner(0, (40, 40)).with_point(0, (20.2, 20.2))
    with pytest.raises(BadInput, match="points on the object lie in its box") as outside:
        marking.with_point(0, (50, 50))
    assert "--" not in str(outside.value)
    with pytest.raises(BadInput, match="not where “Not this” says"):
        marking.with_not_point(0, (20.7, 20.7))
    with pytest.raises(BadInput, match="contradicts another mark"):
        marking.with_corner(0, (22, 22)).with_corner(0, (40, 40))
    assert marking.with_point(1, (50, 50)).with_not_point(0, (50, 50))
