"""LaSOT: categories in folders or zips, a box or absence per frame, and errors that name file and line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.builders import noise, png, zipped
from tests.unit.layouts import frame_of, lasot_sequence, write
from tgvac.clips import archive
from tgvac.clips.box import Box
from tgvac.errors import BadInput
from tgvac.sources import lasot
from tgvac.sources.adapter import ObjectInfo, Video
from tgvac.sources.faults import valid_videos
from tgvac.sources.lasot import Lasot

BOXES = ["1,2,3,4", "0,0,0,0", "5,6,7,5", "2,2,4,4", "14,10,9,9"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "LaSOT"
    lasot_sequence(root / "lion/lion-2", BOXES, full=[2, 4], out=[3], sentence="a lion\nwalks  on sand\n")
    lasot_sequence(root / "lion/lion-10", ["1,1,2,2"])
    lasot_sequence(root / "zebra/zebra-1", ["1.5, 2.5, 3, 4.25"], sentence="")
    return root


def packed(tree: Path, prefixed: bool = True) -> Path:
    folder = tree.parent / "packed"
    folder.mkdir()
    for name in ("lion", "zebra"):
        zipped(tree / name, folder / f"{name}.zip", f"{name}/" if prefixed else "")
    write(folder / "README.md", "not a category")
    return folder


def test_a_category_s_archive_that_cannot_be_opened_ends_nothing_and_is_listed(tree: Path) -> None:
    folder = packed(tree)
    (folder / "cat.zip").write_bytes(b"<!doctype html><p>quota")
    (folder / "dog.zip").write_bytes((folder / "lion.zip").read_bytes()[:-40])
    source = Lasot(folder)
    valid, faulty = valid_videos(source, folder)
    assert [video.name for video in valid] == ["lion-2"], "the others have a single frame"
    assert {"cat", "dog"} < set(faulty), "so that sources.faulty and sources.max_faulty count them"
    rejected = {row.files[0]: row.note for row in source.account(faulty) if row.use == "rejected"}
    assert rejected["cat.zip"] == "cat.zip is a web page, not an archive; fetch the archive again."
    assert rejected["dog.zip"].startswith("dog.zip is truncated or not a zip archive")
    assert Lasot(folder).frame(valid[0], 0).shape[2] == 3


def test_a_folder_of_archives_none_of_which_can_be_opened_is_refused_with_the_reason(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        write(tmp_path / f"{name}.zip", "<html>quota")
    with pytest.raises(BadInput, match=r"cat\.zip is a web page, not an archive; fetch the archive again"):
        Lasot(tmp_path).names()


def test_a_frame_that_unpacks_to_too_much_is_never_unpacked(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = packed(tree)
    monkeypatch.setattr(archive, "MEMBER_MAX", 100)
    with pytest.raises(BadInput, match=r"lion-2/.* unpacks to \d+ bytes, more than the 100 that a frame or a list may"):
        Lasot(folder).frame(Video("lion-2", tuple(range(1, 6)), ""), 0)


def half_packed(tree: Path) -> Path:
    zipped(tree / "lion", tree / "lion.zip", "lion/")
    shutil.rmtree(tree / "lion")
    return tree


def packed_beside_unpacked(tree: Path) -> Path:
    zipped(tree / "lion", tree / "lion.zip", "lion/")
    return tree


GIVEN: list[Callable[[Path], Path]] = [
    lambda tree: tree,
    lambda tree: tree.parent,
    packed,
    lambda tree: packed(tree, prefixed=False),
    half_packed,
    packed_beside_unpacked,
    lambda tree: zipped(tree, tree.parent / "all.zip"),
]


@pytest.mark.parametrize("give", GIVEN)
def test_folders_and_archives_read_the_same(tree: Path, give: Callable[[Path], Path]) -> None:
    digests = [v.digest for v in Lasot(tree).videos()]
    source = Lasot(give(tree))
    videos = source.videos()
    assert [(v.name, v.frame_numbers) for v in videos] == [
        ("lion-10", (1,)),
        ("lion-2", (1, 2, 3, 4, 5)),
        ("zebra-1", (1,)),
    ]
    assert [v.digest for v in videos] == digests
    assert np.array_equal(source.frame(videos[1], 2), frame_of("lion-2", 3))
    assert source.annotation(videos[1], 0) is None
    assert source.info(videos[1], 1) == ObjectInfo("lion", ("a lion walks on sand",))
    assert source.info(videos[0], 1) == ObjectInfo("lion", ())
    assert source.info(videos[2], 1) == ObjectInfo("zebra", ())
    assert source.boxes(videos[2], 0) == {1: Box(x=1.5, y=2.5, w=3, h=4.25)}


@pytest.mark.parametrize("path", ["lion", "lion.zip"])
def test_one_category_can_be_a_source(tree: Path, path: str) -> None:
    zipped(tree / "lion", tree / "lion.zip", "lion/")
    assert [v.name for v in Lasot(tree / path).videos()] == ["lion-10", "lion-2"]


def test_an_object_is_absent_where_a_flag_says_so_or_its_box_has_no_area(tree: Path) -> None:
    source = Lasot(tree)
    video = source.videos()[1]
    assert [source.boxes(video, i)[1] for i in range(5)] == [
        Box(x=1, y=2, w=3, h=4),
        None,  # without area, and fully occluded
        None,  # out of view
        None,  # fully occluded
        Box(x=14, y=10, w=9, h=9),  # extends beyond the frame of 16 x 12
    ]


def test_reading_a_frame_opens_only_its_category(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(4):
        lasot_sequence(tree / f"dog{i}/dog{i}-1", ["1,1,2,2"])
    video = Lasot(tree).videos()[2]
    opened: list[str] = []
    opener = lasot._open_group

    def counting(path: Path) -> Any:
        opened.append(path.name)
        return opener(path)

    monkeypatch.setattr(lasot, "_open_group", counting)
    source = Lasot(tree)
    assert opened == []
    source.frame(video, 0)
    source.boxes(video, 0)
    assert (video.name, opened) == ("dog2-1", ["dog2"])


CHANGES: dict[str, Callable[[Path], Any]] = {
    "frame": lambda s: (s / "img/00000003.png").write_bytes(png(noise(9, 12, 16, 3))),
    "box": lambda s: write(s / "groundtruth.txt", "\n".join(["1,2,3,5", *BOXES[1:]])),
    "occlusion": lambda s: write(s / "full_occlusion.txt", "0,0,0,0,0"),
    "view": lambda s: write(s / "out_of_view.txt", "0,0,0,0,0"),
    "caption": lambda s: write(s / "nlp.txt", "a lion runs"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_videos_digest_depends_on_its_own_content_only(tree: Path, what: str) -> None:
    before = {v.name: v.digest for v in Lasot(tree).videos()}
    CHANGES[what](tree / "lion/lion-2")
    after = {v.name: v.digest for v in Lasot(tree).videos()}
    assert {name for name in before if before[name] != after[name]} == {"lion-2"}


# ---------------------------------------------------------------- contradictions


def refused(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        Lasot(path).videos()
    return str(caught.value)


def test_another_layout_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "given/frames/00000.jpg", "")
    message = refused(tmp_path / "given")
    assert "is not in LaSOT layout (no <category>-<n>/img/00000001.jpg)" in message
    assert message.endswith("give the folder with the categories or their zips.")


def test_a_missing_frame_is_refused_naming_it(tree: Path) -> None:
    (tree / "lion/lion-2/img/00000003.png").unlink()
    assert "lion-2/img has no frame 00000003 (1 missing); LaSOT numbers every frame from 1" in refused(tree)


def test_a_missing_last_frame_is_detected_from_the_boxes(tree: Path) -> None:
    (tree / "lion/lion-2/img/00000005.png").unlink()
    assert "lion-2/groundtruth.txt has 5 boxes for 4 frames; restore" in refused(tree)


def test_a_sequence_without_frames_is_refused(tree: Path) -> None:
    shutil.rmtree(tree / "lion/lion-2/img")
    assert "lion-2/img has no frames; restore the sequence" in refused(tree)


@pytest.mark.parametrize("name", ["groundtruth.txt", "full_occlusion.txt", "out_of_view.txt"])
def test_a_missing_file_is_refused_naming_it(tree: Path, name: str) -> None:
    (tree / "lion/lion-2" / name).unlink()
    assert f"lion-2/{name} is missing; restore it" in refused(tree)


@pytest.mark.parametrize("line", ["1,2,3", "1,2,3,4,5", "1,2,3,x", "1,2,nan,4", "inf,2,3,4", "1 2 3", ""])
def test_a_malformed_box_is_refused_naming_its_line(tree: Path, line: str) -> None:
    write(tree / "lion/lion-2/groundtruth.txt", "\n".join([BOXES[0], line, *BOXES[2:]]))
    assert f"lion-2/groundtruth.txt, line 2: {line!r} is not a box; write x,y,w,h in pixels." in refused(tree)


@pytest.mark.parametrize("box", ["16,2,3,4", "-3,2,3,4", "1,12,3,4", "1,-9,3,4"])
def test_a_box_outside_its_frame_is_refused_naming_its_line(tree: Path, box: str) -> None:
    write(tree / "lion/lion-2/groundtruth.txt", "\n".join([box, *BOXES[1:]]))
    assert f"groundtruth.txt, line 1: the box {box} is outside its frame of 16x12; correct it" in refused(tree)


def test_a_box_outside_its_frame_is_allowed_if_the_object_is_out_of_view(tree: Path) -> None:
    write(tree / "lion/lion-2/groundtruth.txt", "\n".join([*BOXES[:2], "99,99,3,3", *BOXES[3:]]))
    assert len(Lasot(tree).videos()) == 3


@pytest.mark.parametrize("name", ["full_occlusion.txt", "out_of_view.txt"])
def test_flags_of_another_length_or_value_are_refused(tree: Path, name: str) -> None:
    write(tree / "lion/lion-2" / name, "0,0,0,0")
    assert f"lion-2/{name} has 4 flags for 5 frames" in refused(tree)
    write(tree / "lion/lion-2" / name, "0,0,2,0,0")
    assert f"lion-2/{name} has '2'; write 0 or 1 for each frame" in refused(tree)


def test_a_duplicate_sequence_is_refused(tree: Path) -> None:
    shutil.copytree(tree / "lion/lion-2", tree / "cats/lion-2")
    assert "has the sequence 'lion-2' twice; remove one of the two." in refused(tree)


def test_a_sequence_removed_after_the_listing_is_refused(tree: Path) -> None:
    video = Lasot(tree).videos()[1]
    shutil.rmtree(tree / "lion/lion-2")
    with pytest.raises(BadInput, match="no longer has the sequence 'lion-2'; restore it"):
        Lasot(tree).frame(video, 0)


def test_a_frame_removed_with_its_box_after_the_listing_is_refused(tree: Path) -> None:
    video = Lasot(tree).videos()[1]
    shutil.rmtree(tree / "lion/lion-2")
    lasot_sequence(tree / "lion/lion-2", BOXES[:4])
    with pytest.raises(BadInput, match="lion-2/img no longer has frame 00000005; restore it"):
        Lasot(tree).frame(video, 4)
