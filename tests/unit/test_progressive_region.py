"""ProgressiveAmodal's rules: which square is painted, what of it, and when the object is whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.progressive_toys import PARAMS
from tests.unit.tiny_models import CPU
from tgvac.clips.framing import Window
from tgvac.errors import BadInput
from tgvac.progressive.canvas import Canvas
from tgvac.progressive.occluders import without_truth
from tgvac.progressive.region import Sides, grown, in_contact, next_region, touched_sides
from tgvac.progressive.removal import removal_of, telea

SIDE = 512
"""Of the frames here, so that lengths are those of the params."""


def mask(*boxes: tuple[int, int, int, int], height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """A mask of boxes: top, bottom, left, right."""
    found = np.zeros((height, width), np.uint8)
    for top, bottom, left, right in boxes:
        found[top:bottom, left:right] = 255
    return found


def canvas(object_HW: np.ndarray, occluder_HW: np.ndarray) -> Canvas:
    return Canvas.of(np.full((*object_HW.shape, 3), 90, np.uint8), object_HW, occluder_HW)


def test_a_square_is_the_box_with_its_margin_and_the_hole_is_the_occluder_grown_by_six() -> None:
    region = next_region(canvas(mask((200, 300, 100, 180)), mask((200, 300, 180, 240))), PARAMS)
    assert region is not None
    # 100 high and 80 wide, with 60 on each side 220 x 200, so 220 x 220 about its middle: ten more left and right.
    assert region.window == Window(140, 30, 220)
    assert np.array_equal(region.hole_HW, mask((194, 306, 174, 246)))


def test_on_a_side_that_the_object_touches_there_is_more_margin_and_all_beyond_the_frame_is_painted() -> None:
    start = canvas(mask((200, 300, 10, 110)), mask())
    assert touched_sides(start, PARAMS) == Sides(False, False, True, False)
    region = next_region(start, PARAMS)
    assert region is not None
    # Columns from 10 - 120 to 110 + 60, so 280; rows 220, and 30 more above and below.
    assert region.window == Window(110, -110, 280)
    square = region.canvas.square(region.window, region.hole_HW, 280)
    beyond = np.zeros((280, 280), np.uint8)
    beyond[:, : 110 + 6] = 255
    assert np.array_equal(square.hole_SS, beyond)
    assert (square.picture_SS3[:, :110] == 255).all()


@pytest.mark.parametrize(("left", "touches"), [(10, True), (11, False)])
def test_an_object_touches_the_border_at_ten_pixels(left: int, touches: bool) -> None:
    assert touched_sides(canvas(mask((200, 300, left, 300)), mask()), PARAMS).left is touches


def test_lengths_scale_with_the_frame_and_are_at_least_a_pixel() -> None:
    assert PARAMS.pixels(60, 32, 64) == 8  # 7.5
    assert PARAMS.pixels(60, 1024, 256) == 120
    assert PARAMS.pixels(6, 64, 64) == 1
    assert PARAMS.pixels(0, 64, 64) == 0


def test_five_by_five_three_times_is_a_radius_of_six() -> None:
    import cv2

    one = mask((20, 22, 30, 31), height=64, width=64)
    assert np.array_equal(grown(one, 6), cv2.dilate(one, np.ones((5, 5), np.uint8), iterations=3))


def test_the_canvas_ends_at_six_sides_of_the_frame() -> None:
    all_of_it = mask((0, 100, 0, 100), height=100, width=100)
    start = Canvas.of(np.zeros((100, 100, 3), np.uint8), all_of_it, 0 * all_of_it)
    wide = PARAMS.model_copy(update={"margin": 5000.0})
    region = next_region(start, wide)
    assert region is not None
    assert region.window == Window(-250, -250, 600)


def test_an_object_is_whole_when_nothing_in_front_touches_it_and_no_border_is_near() -> None:
    seen = mask((200, 300, 100, 180))
    assert next_region(canvas(seen, mask()), PARAMS) is None
    assert next_region(canvas(seen, mask((400, 500, 400, 500))), PARAMS) is None, "far from it"
    assert next_region(canvas(mask(), mask((0, 100, 0, 100))), PARAMS) is None, "nothing of it is seen"
    near, far = (200, 300, 186, 240), (400, 500, 400, 500)
    assert np.array_equal(in_contact(mask(near, far), seen, 7), mask(near))


def test_after_a_square_is_painted_only_what_is_beyond_it_is_left() -> None:
    occluder = mask((240, 260, 180, 500))
    region = next_region(canvas(mask((200, 300, 100, 180)), occluder), PARAMS)
    assert region is not None
    assert region.window.left + region.window.side == 250
    size = region.window.side
    inside = region.canvas.square(region.window, region.hole_HW, size)
    done = region.canvas.painted(region.window, np.full((size, size, 3), 7, np.uint8), inside.object_SS)
    assert np.array_equal(done.occluder_HW, mask((240, 260, 250, 500)))
    assert next_region(done, PARAMS) is None, "what was found ends far from the square's border"
    whole_SS = inside.object_SS | inside.hole_SS
    again = next_region(region.canvas.painted(region.window, inside.picture_SS3, whole_SS), PARAMS)
    assert again is not None, "the object goes on beyond the square"
    assert again.window.left + again.window.side > 250
    picture_HW3, object_HW = done.in_frame()
    assert (picture_HW3[region.window.top : region.window.top + size, 30:250] == 7).all()
    assert (picture_HW3[: region.window.top] == 90).all()
    assert np.array_equal(object_HW, mask((200, 300, 100, 180)))


def test_what_is_beyond_the_video_s_frame_in_a_cut_is_unknown() -> None:
    outside = mask((0, 512, 0, 100))
    start = Canvas.of(np.zeros((SIDE, SIDE, 3), np.uint8), mask((200, 300, 105, 200)), mask(), outside)
    assert touched_sides(start, PARAMS).left
    region = next_region(start, PARAMS)
    assert region is not None
    # The square begins at 105 - 120, so 15 columns are added.
    assert np.array_equal(region.hole_HW, np.pad(grown(outside, 6), ((0, 0), (15, 0)), constant_values=255))


def test_what_is_near_and_has_not_the_background_s_colours_is_in_front() -> None:
    frame_HW3 = np.full((64, 64, 3), (60, 140, 70), np.uint8)
    seen = mask((20, 44, 20, 32), height=64, width=64)
    frame_HW3[seen > 0] = (40, 60, 250)
    frame_HW3[18:46, 32:38] = (200, 40, 40)
    (found,) = without_truth(PARAMS, "around")(frame_HW3[None], seen[None])
    assert (found[24:40, 33:37] == 255).all()
    # The band is six pixels wide, and edges are blurred over about one.
    assert not found[20:44, 10:19].any()
    assert not (found & seen).any()
    assert not without_truth(PARAMS, "outside")(frame_HW3[None], seen[None]).any()


def test_telea_takes_a_thing_from_a_plain_picture_without_a_trace() -> None:
    picture_SS3 = np.full((32, 32, 3), (60, 140, 70), np.uint8)
    thing = mask((8, 20, 8, 20), height=32, width=32)
    picture_SS3[thing > 0] = 250
    found = telea(picture_SS3, grown(thing, 1), 3.0, 128)
    assert np.abs(found.astype(int) - (60, 140, 70)).max() <= 2
    assert (telea(picture_SS3, np.full_like(thing, 255), 3.0, 128) == 128).all(), "nothing is left to go on with"


class Paints(torch.nn.Module):
    """What LaMa's file is called with: it fills the mask with 0.2, and keeps the rest."""

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return image * (1 - mask) + 0.2 * mask


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_lama_is_called_with_pictures_in_zero_to_one_and_a_mask_of_what_goes(tmp_path: Path) -> None:
    torch.jit.script(Paints()).save(tmp_path / "lama.pt")
    params = PARAMS.model_copy(update={"removal": "lama", "lama": "lama.pt"})
    remove = removal_of(params, tmp_path, CPU)
    picture_SS3 = np.full((16, 16, 3), 99, np.uint8)
    found = remove(picture_SS3, mask((0, 8, 0, 16), height=16, width=16))
    assert (found[:8] == 51).all()
    assert (found[8:] == 99).all()
    with pytest.raises(BadInput, match="not a multiple of 8"):
        remove(picture_SS3[:12, :12], np.zeros((12, 12), np.uint8))


def test_lama_without_its_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    for name, said in (("", "is not a file"), ("other.pt", "is not a file"), ("broken.pt", "is no TorchScript file")):
        (tmp_path / "broken.pt").write_bytes(b"no archive")
        params = PARAMS.model_copy(update={"removal": "lama", "lama": name})
        with pytest.raises(BadInput, match=f"progressive.lama '{name}' {said}"):
            removal_of(params, tmp_path, CPU)
