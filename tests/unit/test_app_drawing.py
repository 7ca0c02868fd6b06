"""The page's pictures: shown sizes, where clicks are in the video, overlays, and masks from strokes."""

from __future__ import annotations

import numpy as np
import pytest

from tgvac.app.drawing import draw, in_video, painted, shown_size
from tgvac.clips.box import Box
from tgvac.tracking.prompts import Prompt

GREY = np.full((480, 640, 3), 100, np.uint8)
SIZE = (240, 320)


@pytest.mark.parametrize(
    ("size", "shown"),
    [((192, 256), (480, 640)), ((480, 854), (480, 854)), ((1080, 1920), (540, 960)), ((1920, 1080), (960, 540))],
)
def test_small_videos_are_shown_enlarged_and_large_ones_reduced(size: tuple[int, int], shown: tuple[int, int]) -> None:
    assert shown_size(*size) == shown


def test_a_click_means_the_middle_of_the_clicked_pixel_in_the_video() -> None:
    assert in_video(0, 0, (480, 640), (240, 320)) == (0.25, 0.25)
    assert in_video(639, 479, (480, 640), (240, 320)) == (319.75, 239.75)
    assert in_video(10, 20, (540, 960), (1080, 1920)) == (21.0, 41.0)


def test_a_frame_without_marks_is_shown_as_it_is() -> None:
    assert np.array_equal(draw(GREY, SIZE, None, Prompt(frame=0), None), GREY)


def changed(picture: np.ndarray) -> tuple[int, int, int, int]:
    """The first and last column, and the first and last row, that differ from the grey frame."""
    rows, columns = np.nonzero((picture != GREY).any(axis=2))
    return int(columns.min()), int(columns.max()), int(rows.min()), int(rows.max())


def test_a_box_and_points_are_drawn_where_they_are_in_the_video() -> None:
    box = draw(GREY, SIZE, None, Prompt(frame=0, box=Box(x=50, y=30, w=100, h=60)), None)
    left, right, top, bottom = changed(box)
    assert ((left + right + 1) / 2, (top + bottom + 1) / 2) == pytest.approx((200, 120), abs=1)
    assert (right - left, bottom - top) == pytest.approx((200, 120), abs=8), "and the width of the line"
    assert np.array_equal(box[120, 200], GREY[0, 0]), "the box is not filled"
    point = draw(GREY, SIZE, None, Prompt(frame=0, points=((100, 50),)), None)
    left, right, top, bottom = changed(point)
    assert abs((left + right + 1) / 2 - 200) <= 1
    assert abs((top + bottom + 1) / 2 - 100) <= 1


def test_points_on_and_beside_the_object_differ_in_colour_and_in_sign() -> None:
    on = draw(GREY, SIZE, None, Prompt(frame=0, points=((100, 50),)), None)
    beside = draw(GREY, SIZE, None, Prompt(frame=0, not_points=((100, 50),)), None)
    assert on[94, 194, 1] > on[94, 194, 0], "green"
    assert beside[94, 194, 0] > beside[94, 194, 1], "red"
    assert (on[97, 199] == 255).all(), "the upright bar of the plus"
    assert not (beside[96, 199] == 255).all(), "a minus has none"


def test_the_mask_is_tinted_and_nothing_beside_it() -> None:
    mask_HW = np.zeros(SIZE, np.uint8)
    mask_HW[100:140, 50:90] = 255
    picture = draw(GREY, SIZE, mask_HW, Prompt(frame=0), None)
    assert picture[240, 140].tolist() == [178, 82, 82]
    assert np.abs(np.array(changed(picture)) - (100, 179, 200, 279)).max() <= 2


def test_an_unfinished_box_shows_its_first_corner() -> None:
    left, right, top, bottom = changed(draw(GREY, SIZE, None, Prompt(frame=0), (100, 50)))
    assert left < 200 < right
    assert top < 100 < bottom
    assert right - left < 60


def test_strokes_of_all_layers_are_the_mask() -> None:
    one, other = np.zeros((2, 30, 40, 4), np.uint8)
    one[5:10, 5:10] = (255, 64, 64, 255)
    other[8:20, 8:20] = (255, 64, 64, 200)
    other[25, 25] = (255, 64, 64, 90)
    mask_HW = painted([one, other])
    assert mask_HW is not None
    expected = np.zeros((30, 40), np.uint8)
    expected[5:10, 5:10] = expected[8:20, 8:20] = 255
    assert np.array_equal(mask_HW, expected)
    assert painted([np.zeros((30, 40, 4), np.uint8)]) is None
    assert painted([]) is None
