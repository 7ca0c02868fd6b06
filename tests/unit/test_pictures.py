"""Pictures and text files as people have them."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tgvac.clips.images import decode_rgb
from tgvac.clips.mask_values import read_mask
from tgvac.clips.pictures import read_picture
from tgvac.clips.text_files import read_lines, read_text
from tgvac.errors import BadInput

PICTURE = np.random.default_rng(1).integers(0, 256, (12, 20, 3), np.uint8)


def saved(array: np.ndarray, kind: str = "PNG", mode: str = "", **options: Any) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(stream, format=kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "JPEG", "WEBP"])
def test_plain_pictures_are_read_as_before(kind: str) -> None:
    data = saved(PICTURE, kind)
    found, said = read_picture(data, "a")
    assert np.array_equal(found, decode_rgb(data, "a"))
    assert said == ""


TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", TURNS)
def test_pictures_are_turned_and_mirrored_as_exif_says(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    found, said = read_picture(saved(PICTURE, exif=exif), "a")
    assert np.array_equal(found, TURNS[orientation](PICTURE))
    assert said == ("" if orientation == 1 else "turned by EXIF")


def test_grey_of_16_bits_is_scaled_by_its_depth_and_not_by_its_brightest_level() -> None:
    grey = PICTURE[..., 0]
    found, said = read_picture(saved(grey.astype(np.uint16) * 257), "a")
    assert np.array_equal(found[..., 1], grey)
    assert said == "16 bits scaled to 8"
    dark, _ = read_picture(saved(np.full((4, 4), 512, np.uint16)), "a")
    assert dark.max() == 2


def test_damaged_exif_ends_nothing() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(PICTURE, "JPEG", exif=exif)
    # A pointer to further tags, of a type that no pointer has.
    at = data.index(b"Exif") + 6
    broken = data[: at + 10] + b"\xa0\x05\x00\x07" + data[at + 14 :]
    for each in (data, broken):
        found, _ = read_picture(each, "a")
        assert found.shape[2] == 3


def test_fractions_that_exceed_white_a_little_and_small_numbers_of_32_bits_keep_their_levels() -> None:
    levels = PICTURE[..., 0]
    bright = levels.astype(np.float32) / 255
    bright[0, 0] = 1.02
    found, _ = read_picture(saved(bright, "TIFF"), "a")
    assert np.abs(found[..., 0].astype(int) - levels)[1:].max() <= 1
    whole, _ = read_picture(saved(levels.astype(np.int32), "TIFF"), "a")
    assert np.array_equal(whole[..., 0], levels)


def test_dropped_transparency_is_said() -> None:
    seen = np.dstack([PICTURE, np.full((12, 20), 255, np.uint8)])
    assert read_picture(saved(seen), "a")[1] == ""
    seen[0, 0, 3] = 0
    found, said = read_picture(saved(seen), "a")
    assert np.array_equal(found, PICTURE)
    assert said == "transparency dropped"


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK"])
def test_other_modes_become_rgb(mode: str) -> None:
    data = saved(PICTURE, "TIFF" if mode == "CMYK" else "PNG", mode)
    assert np.array_equal(read_picture(data, "a")[0], decode_rgb(data, "a"))


def test_what_is_no_picture_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match=r"^folder/a\.png is not a readable image .*; replace it with an intact copy\.$"):
        read_picture(saved(PICTURE)[:60], "folder/a.png")
    with pytest.raises(BadInput, match=r"a\.tif has levels from -1 to"):
        read_picture(saved(np.full((3, 3), -1, np.float32), "TIFF"), "a.tif")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_texts_are_read_in_the_encodings_that_editors_write(encoding: str, end: str) -> None:
    text = f"Der Bär läuft – schön{end}zwei"
    assert read_text(text.encode(encoding), "a.txt") == "Der Bär läuft – schön\nzwei"


@pytest.mark.parametrize("data", [bytes(range(256)), b"\x81\x8d", b"a\x00b", b"\xff\xfe\x00"])
def test_what_is_no_text_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"^a\.txt is not a text"):
        read_text(data, "a.txt")


def test_lists_are_split_by_line_and_not_by_space() -> None:
    assert read_lines("\ufeffmy dog\r\n\r\n\tcat \r\n# a comment\nlast".encode(), "a") == ["my dog", "cat", "last"]


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc"])))
def test_any_text_in_utf_8_is_read_as_it_is(text: str) -> None:
    assert read_text(text.encode(), "a") == text.removeprefix("\ufeff")


def test_a_tiff_of_floats_in_colour_is_refused_with_the_depths_that_are_read() -> None:
    colours_HW3 = np.random.default_rng(0).random((8, 8, 3), np.float32)
    data = cv2.imencode(".tiff", colours_HW3)[1].tobytes()
    for read in (read_picture, read_mask):
        with pytest.raises(BadInput, match=r"save TIFF with 8 or 16 bits a channel \(of floats, one channel alone"):
            read(data, "a.tiff")
    assert read_picture(cv2.imencode(".tiff", colours_HW3[..., 0])[1].tobytes(), "a.tiff")[1] != ""
