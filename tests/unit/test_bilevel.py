"""PNG with one bit per pixel: Pillow reads what was written, and other forms are left to Pillow."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.unit.builders import Array, box, noise
from tgvac.clips.bilevel import decode_bilevel, encode_bilevel
from tgvac.clips.images import decode_mask
from tgvac.errors import BadInput

MASK = box(30, 45, 5, 9, 22, 40)


def by_pillow(data: bytes) -> Array:
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.mode == "1"
        return np.asarray(picture.convert("L"))


def written_by_pillow(mask: Array, **options: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(mask).convert("1", dither=Image.Dither.NONE).save(stream, "PNG", **options)
    return stream.getvalue()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.integers(1, 40), st.integers(1, 40), st.floats(0, 255))
def test_written_masks_are_read_as_by_pillow(seed: int, height: int, width: int, share: float) -> None:
    mask = np.where(noise(seed, height, width) > share, 255, 0).astype(np.uint8)
    data = encode_bilevel(mask)
    found = decode_bilevel(data)
    assert found is not None
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous
    assert np.array_equal(found, mask)
    assert np.array_equal(by_pillow(data), mask)


def test_a_view_is_written_as_its_copy() -> None:
    assert encode_bilevel(MASK[:, ::-1]) == encode_bilevel(MASK[:, ::-1].copy())
    assert encode_bilevel(np.asfortranarray(MASK)) == encode_bilevel(MASK)


def test_filtered_rows_and_masks_of_eight_bits_are_left_to_pillow() -> None:
    filtered = written_by_pillow(MASK)
    grey = io.BytesIO()
    Image.fromarray(MASK).save(grey, "PNG")
    for data in (filtered, grey.getvalue()):
        assert decode_bilevel(data) is None
        assert np.array_equal(decode_mask(data, "m.png"), MASK)


def test_every_changed_byte_is_detected() -> None:
    data = encode_bilevel(MASK)
    for i in range(len(data)):
        broken = bytearray(data)
        broken[i] ^= 1
        assert decode_bilevel(bytes(broken)) is None, i
        assert decode_bilevel(data[:i]) is None, i
    assert decode_bilevel(data + b"\0") is None


def test_a_truncated_mask_is_refused() -> None:
    with pytest.raises(BadInput, match=r"m.png is not a readable annotation .*; replace it with an intact copy"):
        decode_mask(encode_bilevel(MASK)[:45], "m.png")


def test_images_above_the_limit_of_pillow_are_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", MASK.size - 1)
    assert decode_bilevel(encode_bilevel(MASK)) is None
