"""Framing: it only depends on visible masks, is exactly invertible, and is the same for training and inference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.builders import Array, box, noise
from tgvac.clips.framing import (
    FramingParams,
    Window,
    frame_mask,
    frame_masks,
    frame_rgb,
    frame_video,
    unframe_mask,
    unframe_rgb,
    windows_of,
)


def params(mode: str = "follow", size: int = 16, margin: float = 0.5, smooth: int = 1) -> FramingParams:
    return FramingParams.model_validate({"mode": mode, "size": size, "pad": 127, "margin": margin, "smooth": smooth})


sizes = st.integers(1, 40)


@settings(max_examples=60, deadline=None)
@given(sizes, sizes, st.integers(-30, 50), st.integers(-30, 50), st.integers(8, 40), st.integers(0, 99))
def test_without_resampling_the_round_trip_is_exact(
    height: int, width: int, top: int, left: int, side: int, seed: int
) -> None:
    window = Window(top, left, side)
    image, mask = noise(seed, height, width, 3), np.where(noise(seed, height, width) > 127, 255, 0).astype(np.uint8)
    square = frame_rgb(image, window, side, 127)
    assert square.shape == (side, side, 3)
    # Which pixels are in the window, computed for each pixel.
    ys, xs = np.mgrid[:height, :width]
    inside = (ys >= top) & (ys < top + side) & (xs >= left) & (xs < left + side)
    assert np.array_equal(unframe_rgb(square, window, height, width, 9), np.where(inside[..., None], image, 9))
    back = unframe_mask(frame_mask(mask, window, side), window, height, width)
    assert np.array_equal(back, np.where(inside, mask, 0))
    # In the square, each frame pixel is where the coordinate map says, and the rest is padding.
    expected = np.full((side, side, 3), 127, np.uint8)
    for y, x in zip(ys[inside], xs[inside], strict=True):
        to_y, to_x = window.to_square(int(y), int(x), side)
        expected[int(to_y), int(to_x)] = image[y, x]
    assert np.array_equal(square, expected)


@settings(max_examples=100, deadline=None)
@given(st.integers(-500, 500), st.integers(-500, 500), st.integers(1, 2000), st.integers(8, 512), st.floats(-3e3, 3e3))
def test_the_coordinate_maps_are_inverse(top: int, left: int, side: int, size: int, y: float) -> None:
    window = Window(top, left, side)
    there = window.to_square(y, -y / 2, size)
    assert window.to_frame(*there, size) == pytest.approx((y, -y / 2), rel=1e-12, abs=1e-9)
    assert window.to_square(top, left, size) == (0, 0)
    assert window.to_square(top + side, left + side, size) == pytest.approx((size, size))


@settings(max_examples=60, deadline=None)
@given(st.integers(-500, 500), st.integers(-500, 500), st.integers(3, 9), st.integers(3, 9), st.integers(-4000, 4000))
def test_between_powers_of_two_the_maps_are_inverse_to_the_bit(top: int, left: int, a: int, b: int, k: int) -> None:
    window, point = Window(top, left, 2**a), (k / 4, -k / 8)
    assert window.to_frame(*window.to_square(*point, 2**b), 2**b) == point


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 99))
def test_mode_frame_takes_the_whole_frame_whatever_the_masks(height: int, width: int, seed: int) -> None:
    masks = np.where(noise(seed, 3, height, width) > 200, 255, 0).astype(np.uint8)
    (window, *others) = windows_of(params("frame"), masks)
    assert others == [window, window]
    assert window.side == max(height, width)
    assert window.top <= 0 <= height <= window.top + window.side
    assert window.left <= 0 <= width <= window.left + window.side
    # Centred, to the pixel.
    assert abs((window.top + window.side - height) - -window.top) <= 1
    assert abs((window.left + window.side - width) - -window.left) <= 1


def test_mode_follow_centres_a_window_with_its_margins_on_the_visible_part() -> None:
    masks = np.stack([box(40, 60, 10, 20, 18, 26)] * 2)  # 8 x 6: a side of 8 + 2 * 0.5 * 8
    assert windows_of(params(), masks) == [Window(6, 15, 16)] * 2


def test_mode_follow_moves_with_the_object_at_one_size() -> None:
    masks = np.stack([box(40, 60, 10, 10, 18, 18), box(40, 60, 10, 14, 18, 18), box(40, 60, 10, 30, 18, 38)])
    found = windows_of(params(), masks)
    assert {w.side for w in found} == {16}
    assert [w.left for w in found] == [6, 8, 26]


def test_smoothing_is_a_centred_moving_mean() -> None:
    masks = np.stack([box(64, 64, 20, 4 * i, 28, 4 * i + 8) for i in range(7)])
    masks[3] = box(64, 64, 20, 36, 28, 44)  # 24 to the right of its place
    plain, smooth = (windows_of(params(smooth=s), masks) for s in (1, 2))
    assert [w.left for w in plain] == [-4, 0, 4, 32, 12, 16, 20]
    # Means of three; at the ends the outermost value counts twice.
    centres = [4, 8, 12, 40, 20, 24, 28]
    padded = [centres[0], *centres, centres[-1]]
    assert [w.left for w in smooth] == [round(sum(padded[i : i + 3]) / 3 - 8) for i in range(7)]


def test_frames_with_an_empty_mask_take_a_window_between_their_neighbours() -> None:
    empty = np.zeros((40, 60), np.uint8)
    masks = np.stack([empty, box(40, 60, 10, 10, 18, 18), empty, box(40, 60, 10, 30, 18, 38), empty])
    assert [w.left for w in windows_of(params(), masks)] == [6, 6, 16, 26, 26]


def test_without_any_visible_pixel_the_whole_frame_is_taken() -> None:
    empty = np.zeros((3, 20, 30), np.uint8)
    assert windows_of(params("follow"), empty) == windows_of(params("frame"), empty) == [Window(-5, 0, 30)] * 3


@settings(max_examples=60, deadline=None)
@given(
    st.integers(8, 40),
    st.integers(8, 40),
    st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39), st.integers(1, 20)), min_size=1, max_size=5),
    st.floats(0.05, 1),
)
def test_an_unsmoothed_window_contains_all_visible_pixels(
    height: int, width: int, boxes: list[tuple[int, int, int]], margin: float
) -> None:
    masks = np.stack([box(height, width, y % height, x % width, y % height + s, x % width + s) for y, x, s in boxes])
    found = windows_of(params(margin=margin), masks)
    assert len({w.side for w in found}) == 1
    for window, mask in zip(found, masks, strict=True):
        assert 8 <= window.side <= max(height, width)
        framed = frame_mask(mask, window, window.side)
        assert (framed > 0).sum() == (mask > 0).sum()


def test_videos_are_framed_frame_by_frame() -> None:
    it = params(size=16)
    masks: Array = np.stack([box(40, 60, 10, 10 + 4 * i, 18, 18 + 4 * i) for i in range(3)])
    frames = noise(1, 3, 40, 60, 3)
    windows = windows_of(it, masks)
    video, framed = frame_video(it, frames, windows, 255), frame_masks(it, masks, windows)
    assert (video.shape, framed.shape) == ((3, 16, 16, 3), (3, 16, 16))
    for i, window in enumerate(windows):
        assert np.array_equal(video[i], frame_rgb(frames[i], window, 16, 255))
        assert np.array_equal(unframe_mask(framed[i], window, 40, 60), masks[i])


def test_the_padding_outside_of_the_frame_has_the_given_value() -> None:
    square = frame_rgb(np.zeros((10, 20, 3), np.uint8), Window(-5, 0, 20), 20, 127)
    assert (square[:5] == 127).all()
    assert (square[15:] == 127).all()
    assert (square[5:15] == 0).all()
