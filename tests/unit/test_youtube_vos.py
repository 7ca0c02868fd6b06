"""YouTube-VOS: folders and archives read the same, all frames are kept, and errors name contradictions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.builders import noise, png, zipped
from tests.unit.layouts import frame_of, ids_image, youtube_vos_tree
from tgvac.errors import BadInput
from tgvac.sources.adapter import ObjectInfo
from tgvac.sources.youtube_vos import YouTubeVos

# Object 2 of the first video appears late; the second video's numbers start at 5.
VIDEOS = {"003234408d": {0: [1], 5: [1, 2], 10: [1, 2]}, "00f88c4f0a": {5: [3], 10: [3]}}
EVERY = {"003234408d": range(13), "00f88c4f0a": range(5, 12)}
OBJECTS = {
    "003234408d": {"1": {"category": "grey cat", "captions": ["a grey cat walks"]}, "2": {"captions": ["a dog"]}}
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return youtube_vos_tree(tmp_path / "vos", VIDEOS, EVERY, OBJECTS)


def pack(tree: Path, *names: str) -> Path:
    """A folder with zips of some folders of a tree; members begin with the folder's name."""
    folder = tree.parent / "packed"
    folder.mkdir()
    for name in names:
        zipped(tree / name, folder / f"{name}.zip", f"{name}/")
    return folder


def train_alone(tree: Path) -> Path:
    shutil.rmtree(tree / "train_all_frames")
    return tree


def one_zip_of_both(tree: Path) -> Path:
    return zipped(tree, tree.parent / "all.zip", "some/")


def half_packed(tree: Path) -> Path:
    folder = pack(tree, "train_all_frames")
    shutil.move(tree / "train", folder / "train")
    return folder


def frames_named_train_within(tree: Path) -> Path:
    zipped(tree / "train_all_frames", tree / "train_all_frames.zip", "train/")
    shutil.rmtree(tree / "train_all_frames")
    return tree


WHOLE: list[Callable[[Path], Path]] = [
    lambda tree: tree,
    lambda tree: tree.parent,
    lambda tree: pack(tree, "train", "train_all_frames"),
    half_packed,
    one_zip_of_both,
    frames_named_train_within,
]
SPARSE: list[Callable[[Path], Path]] = [
    train_alone,
    lambda tree: tree / "train",
    lambda tree: pack(tree, "train"),
    lambda tree: pack(tree, "train") / "train.zip",
]


@pytest.mark.parametrize("give", WHOLE)
def test_with_all_frames_every_frame_is_read_and_only_annotated_ones_have_masks(
    tree: Path, give: Callable[[Path], Path]
) -> None:
    digests = [v.digest for v in YouTubeVos(tree).videos()]
    source = YouTubeVos(give(tree))
    assert source.fps(source.videos()[0]) == 30
    first, second = source.videos()
    assert [first.digest, second.digest] == digests
    assert (first.name, first.frame_numbers) == ("003234408d", tuple(range(13)))
    assert (second.name, second.frame_numbers) == ("00f88c4f0a", tuple(range(5, 12)))
    assert [source.annotation(second, i) is not None for i in range(7)] == [True, *[False] * 4, True, False]
    ids_HW = source.annotation(first, 5)
    assert ids_HW is not None
    assert np.array_equal(ids_HW, ids_image(1, 2))
    assert np.array_equal(source.frame(second, 3), frame_of("00f88c4f0a", 8))
    assert source.boxes(first, 0) is None


@pytest.mark.parametrize("give", SPARSE)
def test_without_them_a_video_has_only_the_annotated_frames(tree: Path, give: Callable[[Path], Path]) -> None:
    source = YouTubeVos(give(tree))
    assert source.fps(source.videos()[0]) == 6
    first, second = source.videos()
    assert (first.frame_numbers, second.frame_numbers) == ((0, 5, 10), (5, 10))
    assert all(source.annotation(first, i) is not None for i in range(3))
    assert np.array_equal(source.frame(second, 1), frame_of("00f88c4f0a", 10))


def test_captions_come_from_objects_json_and_other_categories_from_meta(tree: Path) -> None:
    source = YouTubeVos(tree)
    first, second = source.videos()
    assert source.info(first, 1) == ObjectInfo("grey cat", ("a grey cat walks",))
    assert source.info(first, 2) == ObjectInfo("animal2", ("a dog",))
    assert source.info(second, 3) == ObjectInfo("animal3", ())


def change_meta(tree: Path, change: Callable[[Any], Any]) -> None:
    path = tree / "train/meta.json"
    value = json.loads(path.read_text())
    change(value["videos"])
    path.write_text(json.dumps(value))


CHANGES: dict[str, Callable[[Path], Any]] = {
    "frame": lambda t: (t / "train_all_frames/JPEGImages/003234408d/00003.png").write_bytes(png(noise(9, 12, 16, 3))),
    "annotation": lambda t: (t / "train/Annotations/003234408d/00005.png").write_bytes(png(ids_image(1), palette=True)),
    "category": lambda t: change_meta(t, lambda v: v["003234408d"]["objects"]["2"].update(category="wolf")),
    "caption": lambda t: (t / "train/objects.json").write_text('{"003234408d": {"1": {"captions": ["a cat sits"]}}}'),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_videos_digest_depends_on_its_own_content_only(tree: Path, what: str) -> None:
    before = [v.digest for v in YouTubeVos(tree).videos()]
    CHANGES[what](tree)
    after = [v.digest for v in YouTubeVos(tree).videos()]
    assert before[0] != after[0]
    assert before[1] == after[1]


# ---------------------------------------------------------------- contradictions


def refused(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        YouTubeVos(path).videos()
    return str(caught.value)


def test_another_layout_is_refused(tree: Path) -> None:
    (tree / "train/meta.json").unlink()
    assert "is not in YouTube-VOS layout" in refused(tree)
    assert refused(tree).endswith("give train.zip, or the folder with it and train_all_frames.zip.")


def test_all_frames_alone_are_refused(tree: Path) -> None:
    assert "is not in YouTube-VOS layout" in refused(tree / "train_all_frames")


def test_a_video_without_frames_is_refused(tree: Path) -> None:
    shutil.rmtree(tree / "train_all_frames/JPEGImages/00f88c4f0a")
    assert "train_all_frames/JPEGImages/00f88c4f0a has no frames, but meta.json lists the video" in refused(tree)


def test_an_annotated_frame_that_is_missing_is_refused(tree: Path) -> None:
    (tree / "train_all_frames/JPEGImages/003234408d/00010.png").unlink()
    assert "JPEGImages/003234408d has no frame 00010, which is annotated (1 missing); restore" in refused(tree)


def test_a_gap_in_all_frames_is_refused(tree: Path) -> None:
    (tree / "train_all_frames/JPEGImages/003234408d/00007.png").unlink()
    assert "JPEGImages/003234408d has no frame 00007 (1 missing), but it must have every frame" in refused(tree)


@pytest.mark.parametrize(("kind", "number"), [("JPEGImages", "00015"), ("Annotations", "00004")])
def test_a_missing_frame_that_meta_lists_is_refused(tree: Path, kind: str, number: str) -> None:
    change_meta(tree, lambda v: v["003234408d"]["objects"]["2"]["frames"].append(number))
    message = refused(tree)
    assert f"meta.json lists frame {number} of object 2 of '003234408d', which" in message
    assert f"{kind}/003234408d does not have; restore it." in message


def test_a_missing_annotation_that_meta_lists_is_refused(tree: Path) -> None:
    (tree / "train/Annotations/003234408d/00005.png").unlink()
    assert "lists frame 00005 of object 1 of '003234408d'" in refused(tree)


def test_an_id_unknown_to_meta_is_refused_naming_the_annotation(tree: Path) -> None:
    (tree / "train/Annotations/003234408d/00005.png").write_bytes(png(ids_image(1, 4), palette=True))
    source = YouTubeVos(tree)
    with pytest.raises(BadInput, match=r"Annotations/003234408d/00005\.png has the id 4, which meta\.json does not"):
        source.annotation(source.videos()[0], 5)


def test_void_is_not_an_unknown_id(tree: Path) -> None:
    ids_HW = ids_image(1)
    ids_HW[0] = 255
    (tree / "train/Annotations/003234408d/00005.png").write_bytes(png(ids_HW, palette=True))
    source = YouTubeVos(tree)
    found_HW = source.annotation(source.videos()[0], 5)
    assert found_HW is not None
    assert np.array_equal(found_HW, ids_HW)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{", ""),
        ("[]", ""),
        ('{"videos": {"v": {}}}', "videos.v.objects"),
        ('{"videos": {"v": {"objects": {"1": {"frames": []}}}}}', "videos.v.objects.1.category"),
        ('{"videos": {"v": {"objects": {"1": {"category": "a", "frames": ["x"]}}}}}', "videos.v.objects.1.frames.0"),
        ('{"videos": {"v": {"objects": {"0": {"category": "a", "frames": []}}}}}', "videos.v.objects.0.[key]"),
        ('{"videos": {"v": {"objects": {"255": {"category": "a", "frames": []}}}}}', "videos.v.objects.255.[key]"),
    ],
)
def test_an_invalid_meta_is_refused_naming_the_key(tree: Path, text: str, key: str) -> None:
    (tree / "train/meta.json").write_text(text)
    assert f"train/meta.json has an invalid '{key}'" in refused(tree)


def test_invalid_objects_are_refused(tree: Path) -> None:
    (tree / "train/objects.json").write_text('{"v": {"1": "a cat"}}')
    assert "train/objects.json has an invalid 'v.1'" in refused(tree)


def test_a_truncated_archive_is_refused_naming_it(tree: Path) -> None:
    path = pack(tree, "train") / "train.zip"
    path.write_bytes(path.read_bytes()[:-60])
    assert "train.zip is truncated or not a zip archive" in refused(path.parent)


def test_a_video_that_meta_no_longer_lists_is_refused(tree: Path) -> None:
    change_meta(tree, lambda v: v.pop("003234408d"))
    with pytest.raises(BadInput, match=r"meta\.json no longer lists '003234408d'; restore it"):
        YouTubeVos(tree).video("003234408d")


def test_a_frame_removed_after_the_listing_is_refused(tree: Path) -> None:
    video = YouTubeVos(tree).videos()[0]
    (tree / "train_all_frames/JPEGImages/003234408d/00007.png").unlink()
    with pytest.raises(BadInput, match="no longer has frame 00007; restore it"):
        YouTubeVos(tree).frame(video, 7)
