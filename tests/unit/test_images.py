"""Still images: encoding and decoding; palettes give indices, not colours; resizing keeps masks binary."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.unit.builders import Array, noise, png
from tgvac.clips.images import (
    decode_indices,
    decode_mask,
    decode_rgb,
    decode_rgba,
    encode_jpeg,
    encode_png,
    image_size,
    on_white,
    resize_mask,
    resize_rgb,
)
from tgvac.errors import BadInput


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 99), st.integers(1, 9), st.integers(1, 9), st.sampled_from([(), (3,), (4,)]))
def test_png_keeps_every_bit(seed: int, height: int, width: int, channels: tuple[int, ...]) -> None:
    image = noise(seed, height, width, *channels)
    decode = {(): decode_indices, (3,): decode_rgb, (4,): decode_rgba}[channels]
    assert np.array_equal(decode(encode_png(image), "x"), image)


def test_png_is_the_same_bytes_whatever_the_layout_in_memory() -> None:
    image = noise(1, 8, 9, 3)
    assert encode_png(np.asfortranarray(image)) == encode_png(image)
    assert encode_png(image[:, ::-1][:, ::-1]) == encode_png(image)


def test_jpeg_keeps_colour_at_full_resolution() -> None:
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, ::2] = (255, 0, 0)
    image[:, 1::2] = (0, 0, 255)
    found = decode_rgb(encode_jpeg(image), "x").astype(int)
    assert np.abs(found - image).max() < 40  # with chroma subsampling, the columns would mix


def test_a_palette_gives_its_indices_and_never_its_colours() -> None:
    ids = np.array([[0, 1, 2], [255, 7, 200]], np.uint8)
    found = decode_indices(png(ids, palette=True), "x")
    assert found.dtype == np.uint8
    assert np.array_equal(found, ids)


def test_one_bit_images_are_masks() -> None:
    stream = io.BytesIO()
    Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("1").save(stream, "PNG")
    assert decode_mask(stream.getvalue(), "x").tolist() == [[0, 255], [255, 0]]


def test_an_annotation_in_colours_is_refused() -> None:
    with pytest.raises(BadInput, match=r"x\.png is an image of mode RGB, not an annotation; give a palette or grey"):
        decode_indices(png(noise(0, 4, 4, 3)), "x.png")


def test_a_mask_of_other_values_is_refused() -> None:
    with pytest.raises(BadInput, match=r"x\.png has values other than 0 and 255; save masks in pure"):
        decode_mask(png(np.array([[0, 1]], np.uint8)), "x.png")


@pytest.mark.parametrize("decode", [decode_rgb, decode_rgba, decode_indices, decode_mask])
@pytest.mark.parametrize("data", [b"", b"no image", png(noise(0, 20, 20))[:60]], ids=["empty", "text", "cut"])
def test_data_that_is_not_an_image_is_refused_naming_it(decode: object, data: bytes) -> None:
    assert callable(decode)
    with pytest.raises(BadInput, match=r"^f\.png is not a readable \w+ .*; replace it with an intact copy\.$"):
        decode(data, "f.png")


@pytest.mark.parametrize("codec", [encode_png, encode_jpeg])
def test_damage_raises_bad_input_or_gives_an_image(codec: object) -> None:
    assert callable(codec)
    whole = codec(noise(3, 24, 30, 3))
    draw = random.Random(2)
    refused = []
    for _ in range(400):
        data = bytearray(whole[: draw.randrange(1, len(whole) + 1)])
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        try:
            assert decode_rgb(bytes(data), "x").ndim == 3
        except BadInput as error:
            refused.append(str(error))
    assert len(refused) > 50
    assert all(message.startswith("x is not a readable image") for message in refused)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.integers(1, 6), st.integers(1, 6), st.integers(1, 5))
def test_a_mask_made_smaller_keeps_the_pixels_that_are_covered_by_half(
    seed: int, height: int, width: int, factor: int
) -> None:
    mask = np.where(noise(seed, height * factor, width * factor) > 127, 255, 0).astype(np.uint8)
    inside = (mask > 0).reshape(height, factor, width, factor).sum(axis=(1, 3))
    expected = np.where(2 * inside >= factor * factor, 255, 0)
    found = resize_mask(mask, height, width)
    assert found.dtype == np.uint8
    assert np.array_equal(found, expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.integers(1, 20), st.integers(1, 20), st.integers(1, 20), st.integers(1, 20))
def test_a_resized_mask_is_binary_and_of_the_given_size(seed: int, h: int, w: int, height: int, width: int) -> None:
    mask = np.where(noise(seed, h, w) > 127, 255, 0).astype(np.uint8)
    found = resize_mask(mask, height, width)
    assert found.shape == (height, width)
    assert set(np.unique(found)) <= {0, 255}
    for blank in (np.zeros((h, w), np.uint8), np.full((h, w), 255, np.uint8)):
        assert np.array_equal(resize_mask(blank, height, width), np.full((height, width), blank[0, 0]))


def test_an_image_made_smaller_is_the_mean_of_its_areas() -> None:
    image = noise(5, 6, 8, 3)
    mean = image.reshape(3, 2, 4, 2, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(resize_rgb(image, 3, 4) - mean).max() <= 1  # rounded once per axis


def test_the_same_size_returns_the_same_image() -> None:
    image = noise(5, 6, 8, 3)
    assert np.array_equal(resize_rgb(image, 6, 8), image)
    assert resize_rgb(np.full((4, 4, 3), 9, np.uint8), 9, 7).tolist() == np.full((9, 7, 3), 9).tolist()


def test_on_white_keeps_the_object_and_nothing_else() -> None:
    frames: Array = noise(6, 2, 3, 4, 3)
    masks = np.where(noise(7, 2, 3, 4) > 127, 255, 0).astype(np.uint8)
    found = on_white(frames, masks)
    assert found.dtype == np.uint8
    assert np.array_equal(found[masks > 0], frames[masks > 0])
    assert (found[masks == 0] == 255).all()


def test_a_size_is_height_and_width_and_needs_no_pixels() -> None:
    data = png(noise(0, 5, 9, 3))
    assert image_size(data[:60], "x") == image_size(data, "x") == (5, 9)
    with pytest.raises(BadInput, match="x is not a readable image"):
        image_size(data[:20], "x")


@pytest.mark.parametrize("decode", [decode_rgb, decode_indices, image_size])
def test_an_image_too_large_for_memory_is_refused(decode: Callable[[bytes, str], object]) -> None:
    data = bytearray(png(np.zeros((4, 4), np.uint8)))
    data[16:24] = (60000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    with pytest.raises(BadInput, match=r"x is not a readable .*decompression bomb"):
        decode(bytes(data), "x")
