"""What a mask's values mean: each way in which people save masks is read by one rule, or refused with the reason."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from tgvac.clips.mask_values import VOID, Ids, davis_palette, is_white, mask_of_array, read_ids, read_mask
from tgvac.errors import BadInput

SHAPE = (40, 60)
GREYS = bytes(v for i in range(256) for v in (i, i, i))


def disc(radius: float = 12, y: int = 20, x: int = 28) -> np.ndarray:
    """A disc, boolean."""
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    return np.asarray((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)


DISC = disc()
BLACK_WHITE = np.where(DISC, 255, 0).astype(np.uint8)


def saved(array: np.ndarray, mode: str | None = None, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(array) if mode != "P" else Image.fromarray(array, "L").convert("L")
    if mode == "P":
        image = Image.frombytes("P", array.shape[::-1], array.tobytes())
        image.putpalette(options.pop("palette"))
    elif mode:
        image = image.convert(mode)
    image.save(stream, format=kind, **options)
    return stream.getvalue()


def soft(sigma: float) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(BLACK_WHITE, (0, 0), sigma))


def rings() -> np.ndarray:
    """A disc in white with rings of three greys, one pixel each."""
    out = np.zeros(SHAPE, np.uint8)
    for radius, value in ((15, 60), (14, 120), (13, 190), (12, 255)):
        out[disc(radius)] = value
    return out


def shrunk() -> np.ndarray:
    """An anti-aliased mask: drawn four times as large and reduced."""
    large = np.kron(BLACK_WHITE, np.ones((4, 4), np.uint8))
    blurred = cv2.GaussianBlur(large, (0, 0), 2.0)
    return np.asarray(cv2.resize(blurred, SHAPE[::-1], interpolation=cv2.INTER_AREA))


def rgb(plane: np.ndarray) -> np.ndarray:
    return np.repeat(plane[..., None], 3, axis=-1)


def rgba(plane: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.dstack([rgb(plane), alpha])


ONE: dict[str, Callable[[], bytes]] = {
    "0 and 255": lambda: saved(BLACK_WHITE),
    "0 and 1": lambda: saved(DISC.astype(np.uint8)),
    "one bit": lambda: saved(BLACK_WHITE, "1"),
    "palette with index 1": lambda: saved(DISC.astype(np.uint8), "P", palette=davis_palette().tobytes()),
    "palette with index 255": lambda: saved(BLACK_WHITE, "P", palette=GREYS),
    "index 0 white": lambda: saved(
        np.where(DISC, 0, 1).astype(np.uint8), "P", palette=bytes([255] * 3 + [0] * 3 + [9] * 762)
    ),
    "rings": lambda: saved(rings()),
    "blurred by 1": lambda: saved(soft(1.0)),
    "blurred by 2.5": lambda: saved(soft(2.5)),
    "anti-aliased": lambda: saved(shrunk()),
    "JPEG": lambda: saved(BLACK_WHITE, kind="JPEG", quality=80),
    "JPEG in RGB": lambda: saved(rgb(BLACK_WHITE), kind="JPEG", quality=60),
    "lossy WebP": lambda: saved(rgb(BLACK_WHITE), kind="WEBP", quality=60),
    "RGB": lambda: saved(rgb(BLACK_WHITE)),
    "RGB soft": lambda: saved(rgb(soft(1.5))),
    "RGBA, opaque": lambda: saved(rgba(BLACK_WHITE, np.full(SHAPE, 255, np.uint8))),
    "RGBA, a cut-out": lambda: saved(rgba(np.full(SHAPE, 120, np.uint8), BLACK_WHITE)),
    "grey with alpha": lambda: saved(rgba(BLACK_WHITE, np.full(SHAPE, 255, np.uint8)), "LA"),
    "red on black": lambda: saved(np.dstack([BLACK_WHITE, np.zeros((*SHAPE, 2), np.uint8)])),
    "16 bits": lambda: saved(BLACK_WHITE.astype(np.uint16) * 257),
    "16 bits, id 1": lambda: saved(DISC.astype(np.uint16)),
    "fractions": lambda: saved(soft(1.0).astype(np.float32) / 255, kind="TIFF"),
    "bitmap": lambda: saved(BLACK_WHITE, kind="BMP"),
    "GIF": lambda: saved(BLACK_WHITE, kind="GIF"),
    "TIFF": lambda: saved(BLACK_WHITE, kind="TIFF", compression="tiff_lzw"),
}


@pytest.mark.parametrize("way", ONE)
def test_one_object_is_read_as_one_object_however_it_was_saved(way: str) -> None:
    ids = read_ids(ONE[way](), "m.png").as_object()
    assert set(np.unique(ids.ids_HW)) == {0, 1}
    wrong = (ids.ids_HW > 0) != DISC
    edge = cv2.dilate(DISC.astype(np.uint8), np.ones((7, 7))) > cv2.erode(DISC.astype(np.uint8), np.ones((5, 5)))
    assert not (wrong & ~edge).any(), "only the edge may move"
    if "JPEG" not in way and "WebP" not in way and way not in ("rings", "anti-aliased"):
        assert wrong.mean() < 0.03
    mask, _ = read_mask(ONE[way](), "m.png")
    assert np.array_equal(mask > 0, ids.ids_HW > 0)


@pytest.mark.parametrize(
    ("way", "rule"),
    [
        ("0 and 255", "black and white, taken as object 1"),
        ("0 and 1", ""),
        ("rings", "soft edges, cut at half"),
        ("JPEG", "lossy compression, cut at half"),
        ("RGBA, a cut-out", "what is not transparent, cut at half"),
        ("red on black", "one colour on black"),
        ("16 bits", "16 bits scaled to 8"),
        ("index 0 white", "by the colours of its palette, whose index 0 is not black"),
    ],
)
def test_the_rule_that_was_used_is_said(way: str, rule: str) -> None:
    assert read_ids(ONE[way](), "m.png").as_object().rule == rule


def several(*ids: int) -> np.ndarray:
    """Objects side by side, with their ids."""
    out = np.zeros(SHAPE, np.uint8)
    for k, i in enumerate(ids):
        out[10:30, 2 + 14 * k : 12 + 14 * k] = i
    return out


@pytest.mark.parametrize("ids", [(1, 2), (1, 2, 3), (38, 75), (1, 254), (7,), (3, VOID), (2, 120, 200)])
@pytest.mark.parametrize("mode", ["L", "P", "16", "RGB"])
def test_ids_stay_as_they_are(ids: tuple[int, ...], mode: str) -> None:
    plane = several(*ids)
    data = {
        "L": lambda: saved(plane),
        "P": lambda: saved(plane, "P", palette=davis_palette().tobytes()),
        "16": lambda: saved(plane.astype(np.uint16)),
        "RGB": lambda: saved(rgb(plane)),
    }[mode]()
    read = read_ids(data, "m.png")
    assert np.array_equal(read.ids_HW, plane)
    assert read.as_object() is read


def test_a_void_border_around_ids_stays_void() -> None:
    plane = several(1, 2)
    ring = cv2.dilate((plane > 0).astype(np.uint8), np.ones((3, 3))) - (plane > 0)
    plane[ring > 0] = VOID
    assert np.array_equal(read_ids(saved(plane), "m.png").ids_HW, plane)


def test_colours_of_davis_are_its_ids() -> None:
    plane = several(1, 2, 5)
    read = read_ids(saved(davis_palette()[plane]), "m.png")
    assert np.array_equal(read.ids_HW, plane)
    assert read.rule == "by the colours of DAVIS"
    # The first colours, as the benchmark publishes them.
    assert davis_palette()[:6].tolist() == [
        [0, 0, 0],
        [128, 0, 0],
        [0, 128, 0],
        [128, 128, 0],
        [0, 0, 128],
        [128, 0, 128],
    ]


@settings(max_examples=60, deadline=None)
@given(st.floats(0.4, 4.0), st.integers(6, 15), st.integers(16, 24), st.integers(18, 40))
def test_a_blurred_mask_is_never_several_objects(sigma: float, radius: int, y: int, x: int) -> None:
    plane = cv2.GaussianBlur(np.where(disc(radius, y, x), 255, 0).astype(np.uint8), (0, 0), sigma)
    if plane.max() < 128:  # too blurred to be anything
        return
    ids = read_ids(saved(plane), "m.png").as_object().ids_HW
    assert set(np.unique(ids)) == {0, 1}
    assert np.array_equal(ids > 0, plane >= 128)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "a photograph": (
        lambda: saved(np.random.default_rng(1).integers(0, 256, (*SHAPE, 3), np.uint8)),
        r"has \d+ colours, such as .*, and no rule says what they mean; save a palette",
    ),
    "a JPEG in colour": (
        lambda: saved(davis_palette()[several(1, 2)], kind="JPEG"),
        "is a JPEG in colour, which is no mask",
    ),
    "a JPEG of ids": (lambda: saved(several(1, 9) * 4, kind="JPEG"), "JPEG changes ids: save PNG"),
    "a JPEG of grey areas": (
        lambda: saved(several(120, VOID, VOID), kind="JPEG", quality=95),
        "is a JPEG with grey areas, which may be ids; JPEG changes ids: save PNG",
    ),
    "ids above 254": (
        lambda: saved(several(1, 2).astype(np.uint16) * 300),
        "has values up to 600; ids go from 1 to 254",
    ),
    "negative": (lambda: saved(several(1).astype(np.float32) * -1, kind="TIFF"), "has values from -1 to"),
    "void over more than the ids": (
        lambda: saved(np.where(several(VOID) > 0, VOID, several(0, 3)).astype(np.uint8)[:, :18]),
        r"has 255, which is void beside ids, on \d+ pixels, and ids on \d+ alone",
    ),
    "a palette with a bright index 0": (
        lambda: saved(several(1, 2), "P", palette=bytes([200, 30, 30, 0, 0, 0, 9, 90, 9] + [0] * 759)),
        r"draws index 0 in the colour \(200, 30, 30\) and index 1 in black",
    ),
    "no image": (lambda: b"\x89PNG nothing", "is not a readable mask"),
    "cut": (lambda: saved(rings())[:90], "is not a readable mask"),
}


@pytest.mark.parametrize("way", REFUSED)
def test_what_no_rule_covers_is_refused_with_the_reason(way: str) -> None:
    make, message = REFUSED[way]
    with pytest.raises(BadInput, match=message) as caught:
        read_ids(make(), "m.png")
    assert str(caught.value).startswith("m.png ")
    assert len(str(caught.value)) < 300


def test_several_ids_are_not_the_mask_of_one_object() -> None:
    with pytest.raises(BadInput, match=r"m\.png has the ids 1, 2, but is the mask of one object"):
        read_mask(saved(several(1, 2)), "m.png")


def test_a_mask_of_all_edges_is_doubted() -> None:
    inverted = read_ids(saved(255 - BLACK_WHITE), "m.png")
    assert "covers all four edges of the frame; if it is inverted" in inverted.doubt
    assert read_ids(saved(BLACK_WHITE), "m.png").doubt == ""


def test_an_orientation_of_exif_is_obeyed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    turned = read_ids(saved(BLACK_WHITE, exif=exif), "m.png").ids_HW
    assert np.array_equal(turned, BLACK_WHITE[::-1, ::-1])


def test_a_mask_where_everything_is_transparent_shows_no_object() -> None:
    assert not read_ids(saved(rgba(BLACK_WHITE, np.zeros(SHAPE, np.uint8))), "m.png").ids_HW.any()


@pytest.mark.parametrize("speck", [1, 3, 77])
def test_a_residue_in_the_mask_of_one_object_is_not_the_object(speck: int) -> None:
    plane = BLACK_WHITE.copy()
    plane[0, :3] = speck
    mask, rule = read_mask(saved(plane), "m.png")
    assert np.array_equal(mask, BLACK_WHITE)
    assert rule == "cut at half"
    assert np.array_equal(mask_of_array(plane[None], "masks")[0], BLACK_WHITE)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.5, 2.0),
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(-8, 47), st.integers(-8, 67)), min_size=4, max_size=8),
)
def test_a_soft_object_that_leaves_the_frame_is_never_several(
    sigma: float, radius: int, places: list[tuple[int, int]]
) -> None:
    planes = []
    for y, x in [(20, 28), *places]:
        drawn = np.where(disc(max(radius, 6) if (y, x) == (20, 28) else radius, y, x), 255, 0).astype(np.uint8)
        planes.append(cv2.GaussianBlur(drawn, (0, 0), sigma))
    masks = [read_ids(saved(plane), "m.png") for plane in planes]
    assert is_white((mask.kind for mask in masks), "a")
    for mask, plane in zip(masks, planes, strict=True):
        assert np.array_equal(mask.in_video(white=True), np.where(plane >= 128, 255, 0))


def test_a_video_that_mixes_soft_masks_and_ids_is_refused() -> None:
    kinds = [read_ids(saved(plane), "m.png").kind for plane in (soft(1.0), several(1, 2))]
    with pytest.raises(BadInput, match="a has masks with soft edges and masks with ids; save all of them in one way"):
        is_white(kinds, "a")
    kinds = [read_ids(saved(plane), "m.png").kind for plane in (BLACK_WHITE, several(1, 2))]
    assert not is_white(kinds, "a"), "void beside ids"
    assert is_white([read_ids(saved(p), "m.png").kind for p in (BLACK_WHITE, 0 * BLACK_WHITE)], "a")
    assert not is_white(["empty"], "a")


def test_a_single_colour_of_davis_keeps_its_id() -> None:
    plane = several(0, 2)
    assert set(np.unique(read_ids(saved(davis_palette()[plane]), "m.png").ids_HW)) == {0, 2}


@pytest.mark.parametrize("white", [200, 128, 100])
def test_a_soft_mask_that_is_not_pure_white_is_one_object(white: int) -> None:
    plane = (soft(1.2).astype(int) * white // 255).astype(np.uint8)
    found = read_ids(saved(plane), "m.png").as_object().ids_HW
    assert set(np.unique(found)) == {0, 1}
    assert ((found > 0) != DISC).mean() < 0.03


def test_only_black_and_white_becomes_object_1() -> None:
    both = Ids(several(1, VOID))
    assert not both.black_and_white
    assert Ids(np.zeros(SHAPE, np.uint8)).as_object().ids_HW.max() == 0


@pytest.mark.parametrize(
    "array",
    [
        DISC,
        DISC.astype(np.uint8),
        DISC.astype(np.int64),
        DISC.astype(np.float32),
        BLACK_WHITE,
        BLACK_WHITE.astype(np.float64),
        soft(1.0),
        soft(1.0) / 255.0,
    ],
    ids=lambda a: f"{a.dtype} to {a.max()}",
)
def test_masks_in_memory_are_read_as_files_are(array: np.ndarray) -> None:
    found = mask_of_array(array, "masks")
    assert found.dtype == np.uint8
    assert np.array_equal(found > 0, DISC) or np.array_equal(found > 0, soft(1.0) >= 128)


@given(arrays(np.float64, (3, 4), elements=st.floats(allow_nan=True, allow_infinity=True, width=32)))
def test_masks_in_memory_are_black_and_white_or_refused(array: np.ndarray) -> None:
    try:
        found = mask_of_array(array, "The masks")
    except BadInput as error:
        assert str(error).startswith("The masks ")  # noqa: PT017 - either way is right
        return
    assert set(np.unique(found)) <= {0, 255}


@pytest.mark.parametrize("array", [np.array([[0, 7]]), np.array([["a"]]), np.array([[1j]]), np.array([[300]])])
def test_masks_in_memory_that_mean_nothing_are_refused(array: np.ndarray) -> None:
    with pytest.raises(BadInput, match="masks"):
        mask_of_array(array, "masks")


@pytest.mark.parametrize(("black", "white"), [(16, 235), (1, 255), (30, 200)])
def test_black_and_white_in_the_range_of_video_is_black_and_white(black: int, white: int) -> None:
    plane = np.where(DISC, white, black).astype(np.uint8)
    read = read_ids(saved(plane), "m.png")
    assert np.array_equal(read.ids_HW, BLACK_WHITE)
    assert read.rule == f"levels {black} and {white} taken as black and white"


def test_a_large_void_beside_ids_is_doubted() -> None:
    plane = several(1, 2, 3, VOID)
    assert read_ids(saved(plane), "m.png").doubt.startswith("255 is void beside ids, and belongs to no object")
