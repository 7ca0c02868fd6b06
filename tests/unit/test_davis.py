"""DAVIS 2017: folders and archives read the same, annotations are indices, and errors name every gap."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.builders import Array, davis_tree, noise, png, zipped
from tgvac.errors import BadInput
from tgvac.sources.adapter import ObjectInfo
from tgvac.sources.davis import Davis

OBJECTS = {"bear": {"1": {"category": "brown bear", "captions": ["a bear walks"]}, "2": {"captions": ["a cub"]}}}


def pair(seed: int) -> tuple[Array, Array]:
    ids = np.zeros((12, 16), np.uint8)
    ids[2:6, 2:6], ids[7:10, 8:12], ids[0, :3] = 1, 2, 255
    return noise(seed, 12, 16, 3), ids


VIDEOS = {"bear": [pair(0), pair(1)], "car-shadow_2": [pair(2)], "unlisted": [pair(3)]}
SETS = {"train": ["bear"], "val": ["car-shadow_2"]}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return davis_tree(tmp_path / "DAVIS", VIDEOS, SETS, OBJECTS)


@pytest.fixture(params=["folder", "folder above", "zip", "zip below a folder"])
def given(request: pytest.FixtureRequest, tree: Path, tmp_path: Path) -> Path:
    """The same tree, given in each way."""
    how = {
        "folder": lambda: tree,
        "folder above": lambda: tree.parent,
        "zip": lambda: zipped(tree, tmp_path / "d.zip"),
        "zip below a folder": lambda: zipped(tree, tmp_path / "d.zip", "some/DAVIS/"),
    }
    return how[request.param]()


def test_folders_and_archives_read_the_same(given: Path, tree: Path) -> None:
    davis = Davis(given)
    videos = davis.videos()
    assert [(v.name, v.frame_numbers) for v in videos] == [("bear", (0, 1)), ("car-shadow_2", (0,))]
    assert videos == Davis(tree).videos()
    assert np.array_equal(davis.frame(videos[0], 1), VIDEOS["bear"][1][0])
    annotation = davis.annotation(videos[0], 1)
    assert annotation is not None
    assert np.array_equal(annotation, VIDEOS["bear"][1][1])
    assert davis.info(videos[0], 1) == ObjectInfo("brown bear", ("a bear walks",))


def test_an_object_without_an_entry_is_named_after_its_sequence(tree: Path) -> None:
    davis = Davis(tree)
    bear, car = davis.videos()
    assert davis.info(bear, 2) == ObjectInfo("bear", ("a cub",))
    assert davis.info(car, 1) == ObjectInfo("car shadow", ())


def test_without_image_sets_every_sequence_is_used(tree: Path) -> None:
    shutil.rmtree(tree / "ImageSets")
    assert [v.name for v in Davis(tree).videos()] == ["bear", "car-shadow_2", "unlisted"]


def test_frames_keep_the_sources_numbers_in_order(tree: Path) -> None:
    for kind in ("JPEGImages", "Annotations"):
        folder = tree / kind / "480p" / "bear"
        (folder / "00000.png").rename(folder / "00010.png")
    davis = Davis(tree)
    video = davis.videos()[0]
    assert video.frame_numbers == (1, 10)
    assert np.array_equal(davis.frame(video, 1), VIDEOS["bear"][0][0])


def change_frame(tree: Path) -> None:
    (tree / "JPEGImages/480p/bear/00001.png").write_bytes(png(noise(9, 12, 16, 3)))


def change_annotation(tree: Path) -> None:
    (tree / "Annotations/480p/bear/00001.png").write_bytes(png(np.zeros((12, 16), np.uint8), palette=True))


def change_caption(tree: Path) -> None:
    davis_tree(tree, {}, None, {"bear": {"1": {"category": "brown bear", "captions": ["a bear runs"]}}})


@pytest.mark.parametrize("change", [change_frame, change_annotation, change_caption])
def test_a_videos_digest_depends_on_its_own_content_only(tree: Path, change: Callable[[Path], None]) -> None:
    before = {v.name: v.digest for v in Davis(tree).videos()}
    change(tree)
    after = {v.name: v.digest for v in Davis(tree).videos()}
    assert before["bear"] != after["bear"]
    assert before["car-shadow_2"] == after["car-shadow_2"]


def test_a_parallel_tree_of_other_files_is_ignored(tree: Path, tmp_path: Path) -> None:
    shadow = tmp_path / "pack" / "__MACOSX" / "davis" / "JPEGImages" / "480p" / "bear"
    shadow.mkdir(parents=True)
    (shadow / "._00000.jpg").write_bytes(b"\x00")
    shutil.copytree(tree, tmp_path / "pack" / "davis")
    assert Davis(zipped(tmp_path / "pack", tmp_path / "d.zip")).videos() == Davis(tree).videos()


# ---------------------------------------------------------------- gaps


def refused(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        Davis(path).videos()
    return str(caught.value)


def test_another_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "00000.jpg").write_bytes(b"")
    assert "is not in DAVIS layout" in refused(tmp_path)
    assert "give the folder with JPEGImages" in refused(tmp_path)


def test_a_missing_annotation_is_refused_naming_sequence_and_frame(tree: Path) -> None:
    (tree / "Annotations/480p/bear/00001.png").unlink()
    assert "Annotations/480p/bear has no annotation of frame 00001 (1 missing)" in refused(tree)


def test_a_mask_without_its_frame_is_refused_naming_the_frame(tree: Path) -> None:
    (tree / "JPEGImages/480p/bear/00000.png").unlink()
    assert "JPEGImages/480p/bear has no frame 00000, which is annotated (1 missing); restore it" in refused(tree)


def test_a_listed_sequence_that_is_absent_is_refused(tree: Path) -> None:
    shutil.rmtree(tree / "JPEGImages/480p/bear")
    assert "JPEGImages/480p/bear has no frames, but it has annotations; restore" in refused(tree)
    shutil.rmtree(tree / "Annotations/480p/bear")
    assert "JPEGImages/480p/bear has no frames, but the image sets list it; restore" in refused(tree)


def test_a_truncated_archive_is_refused_naming_the_file(tree: Path, tmp_path: Path) -> None:
    path = zipped(tree, tmp_path / "d.zip")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "d.zip is truncated or not a zip archive" in refused(path)


def test_a_damaged_member_is_refused_naming_it(tree: Path, tmp_path: Path) -> None:
    path = zipped(tree, tmp_path / "d.zip")
    data = bytearray(path.read_bytes())
    data[data.index(b"JPEGImages/480p/bear/00001.png") + 200] ^= 0xFF
    path.write_bytes(data)
    assert "d.zip: JPEGImages/480p/bear/00001.png cannot be read" in refused(path)


def test_a_corrupt_frame_is_refused_naming_it(tree: Path) -> None:
    path = tree / "JPEGImages/480p/bear/00001.png"
    path.write_bytes(path.read_bytes()[:70])
    davis = Davis(tree)
    with pytest.raises(BadInput, match=r"bear/00001\.png is not a readable image"):
        davis.frame(davis.videos()[0], 1)


@pytest.mark.parametrize("kind", ["JPEGImages", "Annotations"])
def test_a_file_removed_after_the_listing_is_refused(tree: Path, kind: str) -> None:
    video = Davis(tree).videos()[0]
    (tree / kind / "480p/bear/00001.png").unlink()
    read = Davis(tree).frame if kind == "JPEGImages" else Davis(tree).annotation
    with pytest.raises(BadInput, match=rf"{kind}/480p/bear no longer has frame 00001; restore it"):
        read(video, 1)


def test_a_photograph_as_annotation_is_refused_naming_it(tree: Path) -> None:
    (tree / "Annotations/480p/bear/00000.png").write_bytes(png(noise(0, 12, 16, 3)))
    davis = Davis(tree)
    with pytest.raises(BadInput, match=r"Annotations/480p/bear/00000\.png has \d+ colours, .* and no rule says"):
        davis.annotation(davis.videos()[0], 0)


@pytest.mark.parametrize(
    ("objects", "key"),
    [
        ([], ""),
        ({"bear": []}, "bear"),
        ({"bear": {"1": "a bear"}}, "bear.1"),
        ({"bear": {"1": {"captions": "a bear"}}}, "bear.1.captions"),
        ({"bear": {"1": {"captions": [1]}}}, "bear.1.captions.0"),
        ({"bear": {"1": {"category": 7}}}, "bear.1.category"),
    ],
)
def test_objects_with_another_structure_are_refused_naming_the_key(tree: Path, objects: Any, key: str) -> None:
    davis_tree(tree, {}, None, objects)
    message = refused(tree)
    assert f"objects.json has an invalid '{key}'" in message
    assert message.endswith("or remove it.")


def test_invalid_json_is_refused(tree: Path) -> None:
    (tree / "objects.json").write_text("{")
    assert "objects.json has an invalid ''" in refused(tree)


def test_an_image_set_that_is_not_text_is_refused(tree: Path) -> None:
    (tree / "ImageSets" / "2017" / "train.txt").write_bytes(b"\x81\x8d")
    with pytest.raises(BadInput, match=r"train\.txt is not a text"):
        Davis(tree).videos()
