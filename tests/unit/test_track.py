"""Contract 1, the track: written and read back exactly, and refused if it contradicts its meta."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.builders import Array, box, meta_of, noise, png, write_fake_track
from tgvac.clips.archive import zip_writing
from tgvac.clips.box import Box
from tgvac.clips.geometry import measure
from tgvac.clips.track import Track, file_stem, read_masks_meta, write_track
from tgvac.errors import BadInput
from tgvac.files import sha256

MASKS = np.stack([box(12, 16, 2, 3, 8, 9), box(12, 16, 2, 4, 8, 10), box(12, 16, 2, 5, 8, 11)])
FRAMES = noise(1, 3, 12, 16, 3)


def written(path: Path, masks: list[Array | None], codec: Any = "png", **changes: Any) -> Path:
    write_track(path, meta_of("s/v/1", FRAMES, masks, **changes), zip(FRAMES, masks, strict=True), codec)
    return path


def test_a_track_is_read_back_to_the_bit(tmp_path: Path) -> None:
    masks: list[Array | None] = [MASKS[0], None, MASKS[2]]
    path = written(tmp_path / "t.zip", masks, frame_numbers=(0, 5, 10), captions=("a grey cat",))
    with Track(path) as track:
        assert track.meta == meta_of("s/v/1", FRAMES, masks, frame_numbers=(0, 5, 10), captions=("a grey cat",))
        assert track.meta.frames == 3
        assert track.meta.source_video == "s/v"
        assert track.meta.annotated == (True, False, True)
        assert np.array_equal(track.frames([2, 0]), FRAMES[[2, 0]])
        assert [track.has_mask(i) for i in range(3)] == [True, False, True]
        assert np.array_equal(track.masks([0, 2]), MASKS[[0, 2]])
        with pytest.raises(BadInput, match=r"masks/00001\.png is missing"):
            track.mask(1)


def test_a_track_is_one_stored_zip_of_images_and_a_json(tmp_path: Path) -> None:
    with zipfile.ZipFile(written(tmp_path / "t.zip", list(MASKS))) as found:
        assert found.namelist() == [
            "meta.json",
            *(name for i in range(3) for name in (f"frames/0000{i}.png", f"masks/0000{i}.png")),
        ]
        assert {i.compress_type for i in found.infolist()} == {zipfile.ZIP_STORED}
        assert json.loads(found.read("meta.json"))["format"] == "tgvac-track-2"


def test_jpeg_frames_are_close_and_their_masks_exact(tmp_path: Path) -> None:
    smooth = np.linspace(0, 255, 12 * 16 * 3).reshape(12, 16, 3).astype(np.uint8)
    path = tmp_path / "t.zip"
    write_track(path, meta_of("s/v/1", smooth[None], [MASKS[0]]), iter([(smooth, MASKS[0])]), "jpeg")
    with Track(path) as track:
        assert np.abs(track.frame(0).astype(int) - smooth).max() < 12
        assert np.array_equal(track.mask(0), MASKS[0])


def test_the_same_track_is_the_same_bytes(tmp_path: Path) -> None:
    assert sha256(written(tmp_path / "a.zip", list(MASKS))) == sha256(written(tmp_path / "b.zip", list(MASKS)))


def test_refined_masks_replace_the_tracks_own(tmp_path: Path) -> None:
    path = written(tmp_path / "t.zip", list(MASKS))
    with zip_writing(tmp_path / "m.zip") as sink:
        sink.add("masks/00000.png", png(MASKS[2]))
    with Track(path, tmp_path / "m.zip") as track:
        assert np.array_equal(track.mask(0), MASKS[2])
        assert not track.has_mask(1)


def test_a_mask_of_another_size_than_its_frame_is_refused_naming_both(tmp_path: Path) -> None:
    path = written(tmp_path / "t.zip", list(MASKS))
    with zip_writing(tmp_path / "m.zip") as sink:
        sink.add("masks/00000.png", png(box(12, 17, 0, 0, 2, 2)))
    with (
        Track(path, tmp_path / "m.zip") as track,
        pytest.raises(BadInput, match=r"m\.zip: masks/00000\.png is 17x12, but its frame is 16x12; run `tgvac"),
    ):
        track.mask(0)


def test_boxes_are_read_back_to_the_bit_absence_included(tmp_path: Path) -> None:
    boxes = (Box(x=1 / 3, y=2, w=6.1, h=6), None, Box(x=5, y=2, w=6, h=6))
    with Track(written(tmp_path / "t.zip", [None, None, None], boxes=boxes)) as track:
        assert track.meta.boxes == boxes
        assert not any(track.has_mask(i) for i in range(3))


def test_there_are_no_boxes_or_one_per_frame(tmp_path: Path) -> None:
    assert meta_of("s/v/1", FRAMES, list(MASKS)).boxes == ()
    with pytest.raises(ValueError, match="2 boxes for 3 frames"):
        meta_of("s/v/1", FRAMES, list(MASKS), boxes=(None, None))
    with zip_writing(tmp_path / "t.zip") as sink:
        text = meta_of("s/v/1", FRAMES, list(MASKS), boxes=(None,) * 3).model_dump_json()
        sink.add("meta.json", text.replace('"boxes":[null,', '"boxes":[').encode())
    with pytest.raises(BadInput, match=r"t\.zip: meta\.json is invalid \(.*2 boxes for 3 frames\); run"):
        Track(tmp_path / "t.zip")


@pytest.mark.parametrize("text", ["", "[]", "{}", '"x"', '{"format": "tgvac-track-0"}', "\x00"])
def test_another_format_is_refused_naming_the_file(tmp_path: Path, text: str) -> None:
    with zip_writing(tmp_path / "t.zip") as sink:
        sink.add("meta.json", text.encode())
    with pytest.raises(
        BadInput, match=r"t\.zip is not a track of format tgvac-track-2; run `tgvac stage tracks` again"
    ):
        Track(tmp_path / "t.zip")


def test_a_meta_that_lacks_a_key_is_refused(tmp_path: Path) -> None:
    with zip_writing(tmp_path / "t.zip") as sink:
        sink.add("meta.json", b'{"format": "tgvac-track-2"}')
    with pytest.raises(BadInput, match=r"t\.zip: meta\.json is invalid .*; run `tgvac stage tracks`"):
        Track(tmp_path / "t.zip")


def test_a_zip_without_meta_and_a_truncated_zip_are_refused(tmp_path: Path) -> None:
    with zip_writing(tmp_path / "t.zip") as sink:
        sink.add("x", b"")
    with pytest.raises(BadInput, match=r"meta\.json is missing"):
        Track(tmp_path / "t.zip")
    path = write_fake_track(tmp_path, "s/v/1", MASKS)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(BadInput, match=r"s--v--1\.zip is truncated"):
        Track(path)


@pytest.mark.parametrize(
    ("frames", "masks", "message"),
    [
        (FRAMES[:2], MASKS[:2], "2 frames were given, but the meta says 3"),
        (FRAMES[:, :11], MASKS, r"frame 0 of s/v/1 is \(11, 16, 3\), but the meta says \(12, 16\)"),
        (FRAMES, MASKS[:, :11], r"mask 0 of s/v/1 is \(11, 16\), but its frame is \(12, 16\)"),
    ],
)
def test_a_track_that_contradicts_its_meta_is_not_written(
    tmp_path: Path, frames: Array, masks: Array, message: str
) -> None:
    meta = meta_of("s/v/1", FRAMES, list(MASKS))
    with pytest.raises(ValueError, match=message):
        write_track(tmp_path / "t.zip", meta, zip(frames, masks, strict=True), "png")
    assert list(tmp_path.iterdir()) == []


def test_ids_become_file_names() -> None:
    assert file_stem("davis/bear/1") == "davis--bear--1"


def test_masks_without_their_meta_are_refused(tmp_path: Path) -> None:
    with zip_writing(tmp_path / "m.zip") as sink:
        sink.add("masks.json", b'{"format": "tgvac-masks-0"}')
    with pytest.raises(BadInput, match=r"m\.zip: masks\.json is invalid"):
        read_masks_meta(tmp_path / "m.zip")


# ---------------------------------------------------------------- measurements


def test_a_mask_is_measured_in_fractions_of_frame_and_outline() -> None:
    found = measure(box(10, 20, 2, 3, 6, 8), np.zeros((10, 20), np.uint8))
    assert (found.area, found.parts, found.border, found.touch) == (20 / 200, (20 / 200,), 0.0, 0.0)


def test_an_empty_mask_measures_nothing() -> None:
    found = measure(np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8))
    assert (found.area, found.parts, found.border, found.touch) == (0.0, (), 0.0, 0.0)


def test_the_border_is_the_share_of_the_outline_on_the_frames_edge() -> None:
    # 4 x 5 at the top edge: 14 outline pixels, 5 of them on the edge.
    assert measure(box(10, 20, 0, 3, 4, 8), np.zeros((10, 20), np.uint8)).border == round(5 / 14, 6)


def test_touch_is_the_share_of_the_outline_beside_another_object() -> None:
    # Only the right column, 4 of 14 pixels of the outline.
    assert measure(box(10, 20, 2, 3, 6, 8), box(10, 20, 2, 8, 6, 12)).touch == round(4 / 14, 6)
    assert measure(box(10, 20, 2, 3, 6, 8), box(10, 20, 2, 9, 6, 12)).touch == 0


def test_parts_are_joined_at_corners_and_listed_largest_first() -> None:
    mask = box(10, 20, 0, 0, 1, 1) | box(10, 20, 1, 1, 2, 2) | box(10, 20, 5, 5, 8, 8)
    assert measure(mask, np.zeros_like(mask)).parts == (9 / 200, 2 / 200)
