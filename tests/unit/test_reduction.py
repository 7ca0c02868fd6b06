"""Downsampling by at most two: the same bits as cropping, padding and the box filter of Pillow."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.unit.builders import Array, box, noise
from tgvac.clips.framing import FramingParams, Window, frame_mask, frame_masks, frame_rgb, frame_video, windows_of
from tgvac.clips.images import decode_mask, encode_mask, encode_png, on_white, paint
from tgvac.clips.recipe import Placement
from tgvac.clips.reduction import reduces, taps
from tgvac.errors import BadInput
from tgvac.synthesis.compositing import composite, layer_of


def padded(image: Array, window: Window, fill: int) -> Array:
    """The window of an image, cropped from a canvas that contains both."""
    edge = window.side + abs(window.top) + abs(window.left) + max(image.shape)
    width = [(edge, edge), (edge, edge), *[(0, 0)] * (image.ndim - 2)]
    canvas = np.pad(image, width, constant_values=fill)
    return canvas[edge + window.top :, edge + window.left :][: window.side, : window.side]


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, int]:
    size = draw(st.integers(3, 48))
    side = draw(st.integers(size + 1, 2 * size))
    return Window(draw(st.integers(-60, 60)), draw(st.integers(-60, 60)), side), size


@settings(max_examples=150, deadline=None)
@given(windows(), st.integers(1, 50), st.integers(1, 50), st.integers(0, 999), st.integers(0, 255))
def test_a_frame_equals_the_padded_window_resized_by_pillow_s_box_filter(
    framed: tuple[Window, int], height: int, width: int, seed: int, fill: int
) -> None:
    window, size = framed
    assert reduces(window.side, size)
    image = noise(seed, height, width, 3)
    cut = Image.fromarray(np.ascontiguousarray(padded(image, window, fill)))
    expected = np.asarray(cut.resize((size, size), Image.Resampling.BOX))
    assert np.array_equal(frame_rgb(image, window, size, fill), expected)


@settings(max_examples=150, deadline=None)
@given(windows(), st.integers(1, 50), st.integers(1, 50), st.integers(0, 999))
def test_a_mask_has_the_pixels_that_are_covered_by_half(
    framed: tuple[Window, int], height: int, width: int, seed: int
) -> None:
    window, size = framed
    mask = np.where(noise(seed, height, width) > 127, 255, 0).astype(np.uint8)
    cut = Image.fromarray(padded(mask, window, 0).astype(np.float32))
    covered = np.asarray(cut.resize((size, size), Image.Resampling.BOX)) >= 127.5
    assert np.array_equal(frame_mask(mask, window, size), np.where(covered, 255, 0))


@pytest.mark.parametrize("k", [1, 7, 64, 255, 256])
def test_means_are_of_at_most_two_neighbours_and_use_every_pixel(k: int) -> None:
    for n in range(k, 2 * k + 1):
        first, last = taps(n, k)
        assert set(last - first) <= {0, 1}
        assert set(first) | set(last) == set(range(n))


def test_means_of_more_than_two_are_refused() -> None:
    assert [reduces(side, 256) for side in (256, 257, 512, 513)] == [False, True, True, False]
    with pytest.raises(ValueError, match="resizing 513 pixels to 256 takes means of more than two"):
        taps(513, 256)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9))
def test_painting_only_changes_pixels_of_the_mask(seed: int, frames: int, height: int, width: int) -> None:
    out, image = noise(seed, frames, height, width, 3), noise(seed + 1, frames, height, width, 3)
    mask = np.where(noise(seed + 2, frames, height, width) > 127, noise(seed + 3, frames, height, width), 0)
    expected = np.where(mask[..., None] > 0, image, out)
    paint(out, image, mask.astype(np.uint8))
    assert np.array_equal(out, expected)
    assert np.array_equal(on_white(image, mask.astype(np.uint8)), np.where(mask[..., None] > 0, image, 255))


def test_a_view_is_never_painted_on() -> None:
    out = noise(1, 4, 6, 3)
    with pytest.raises(ValueError, match="must be contiguous"):
        paint(out[:, ::2], out[:, ::2], np.zeros((4, 3), np.uint8))


@pytest.mark.parametrize("value", [1, 127, 128, 254])
def test_a_mask_with_one_other_value_is_refused(value: int) -> None:
    mask = box(9, 9, 2, 2, 6, 6)
    mask[4, 4] = value
    with pytest.raises(BadInput, match="has values other than 0 and 255"):
        decode_mask(encode_png(mask), "m.png")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.integers(1, 20), st.integers(1, 20))
def test_a_mask_is_read_the_same_from_one_bit_and_from_eight_bits_per_pixel(seed: int, height: int, width: int) -> None:
    mask = np.where(noise(seed, height, width) > 127, 255, 0).astype(np.uint8)
    data = encode_mask(mask)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.mode == "1"
    assert np.array_equal(decode_mask(data, "m.png"), mask)
    assert np.array_equal(decode_mask(encode_png(mask), "m.png"), mask)


def test_only_binary_masks_are_written() -> None:
    with pytest.raises(ValueError, match=r"the mask has values other than 0 and 255: \[7, 254\]"):
        encode_mask(np.array([[0, 7, 254, 255]], np.uint8))


# Digests of the simple implementation with Pillow and NumPy only.
GOLDEN = {
    ("frame", 0): "6473e180f0fde39298761e11488bf208844dedb12c4bbbcf60ec8e83c3fea094",
    ("frame", 2): "17bc8dcef3a4e07759b4e75306364b76ba3664d0e672b2b3394745160959efaa",
    ("follow", 0): "1ba318500d3c96ed4b581ec40ee83ea3f45c682fce5498409e78d19c4300527c",
}


@pytest.mark.parametrize(("mode", "feather"), GOLDEN)
def test_a_framed_clip_has_known_digests(mode: str, feather: int) -> None:
    frames, height, width = 3, 256, 456
    ys, xs = np.mgrid[:height, :width]
    target = np.stack([((ys * (3 + f) + xs * 7)[..., None] * [1, 3, 5] % 256).astype(np.uint8) for f in range(frames)])
    colours = np.stack([((ys * xs + 31 * f)[..., None] + [0, 80, 160]).astype(np.uint8) for f in range(frames)])
    amodal = np.stack([box(height, width, 60, 120 + 9 * f, 200, 300 + 9 * f) for f in range(frames)])
    disc = np.where((ys - 130) ** 2 + (xs - 260) ** 2 < 70**2, 255, 0).astype(np.uint8)
    placement = Placement(track="s/o/1", start=0, scale=0.9, dx=0.05)
    layers = [layer_of(colours[f], disc, placement, height, width, f / 2, feather) for f in range(frames)]
    clip = composite("s", "v", "t", target, amodal, [layers])
    framing = FramingParams.model_validate({"mode": mode, "size": 256, "pad": 127, "margin": 0.5, "smooth": 2})
    at = windows_of(framing, clip.visible_FHW)
    found = hashlib.sha256()
    for part in (
        frame_video(framing, clip.frames_FHW3, at, framing.pad),
        frame_video(framing, clip.whole_FHW3, at, 255),
        frame_masks(framing, clip.visible_FHW, at),
        *(clip.frames_FHW3, clip.whole_FHW3, clip.visible_FHW, clip.occluder_FHW),
    ):
        found.update(np.ascontiguousarray(part).tobytes())
    assert found.hexdigest() == GOLDEN[mode, feather]
