"""Footage of the known layouts as people have it: each kind of file that was once read wrongly, or ended a run."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.unit.builders import davis_tree, noise, png
from tests.unit.layouts import frame_of, ids_image, lasot_sequence, write, youtube_vos_tree
from tests.unit.test_davis import OBJECTS, SETS, VIDEOS
from tests.unit.test_pairs import made, members_of
from tests.unit.test_pairs import rejected as rejected_pairs
from tests.unit.test_rejected_tracks import joined
from tests.unit.test_video_folder import HEIGHT, WIDTH, beside, film, frames_of, mask_image
from tgvac.clips.images import decode_mask
from tgvac.clips.track import Track
from tgvac.errors import BadInput
from tgvac.sources.davis import Davis
from tgvac.sources.lasot import Lasot
from tgvac.sources.video_folder import VideoFolder
from tgvac.sources.youtube_vos import YouTubeVos

WHITE = np.zeros((24, 32), np.uint8)
WHITE[6:18, 8:20] = 255


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return davis_tree(tmp_path / "DAVIS", VIDEOS, SETS, OBJECTS)


def renamed(tree: Path, old: str, new: str) -> None:
    for path in sorted(tree.rglob(f"*{old}")):
        path.rename(path.with_name(path.name.replace(old, new)))


def test_suffixes_of_davis_may_be_in_upper_case(tree: Path) -> None:
    plain = [(v.name, v.frame_numbers, v.footage) for v in Davis(tree).videos()]
    renamed(tree / "JPEGImages", ".png", ".PNG")
    assert [(v.name, v.frame_numbers, v.footage) for v in Davis(tree).videos()] == plain


def test_a_sequence_of_davis_may_have_a_space_and_its_list_windows_line_ends(tree: Path) -> None:
    for kind in ("JPEGImages", "Annotations"):
        (tree / kind / "480p" / "bear").rename(tree / kind / "480p" / "my bear")
    write(tree / "ImageSets/2017/train.txt", "\ufeffmy bear\r\n")
    assert [v.name for v in Davis(tree).videos()] == ["car-shadow_2", "my bear"]


def test_objects_json_may_begin_with_a_byte_order_mark(tree: Path) -> None:
    path = tree / "objects.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert Davis(tree).info(Davis(tree).videos()[0], 1).category == "brown bear"


def test_two_pictures_of_one_frame_are_refused_by_name(tree: Path) -> None:
    write(tree / "JPEGImages/480p/bear/00001.jpg", png(noise(9, 12, 16, 3)))
    with pytest.raises(BadInput, match=r"bear/00001\.jpg and 00001\.png are two pictures of frame 1; remove one"):
        Davis(tree).video("bear")


def test_numbers_that_both_frames_and_masks_lack_are_a_gap(tree: Path) -> None:
    for number in (5, 6):
        write(tree / f"JPEGImages/480p/bear/{number:05d}.png", png(noise(number, 12, 16, 3)))
        write(tree / f"Annotations/480p/bear/{number:05d}.png", png(VIDEOS["bear"][0][1], palette=True))
    with pytest.raises(BadInput, match=r"480p/bear has no frame between 1 and 5, though others are 1 apart"):
        Davis(tree).video("bear")


def test_davis_2016_is_read_by_its_own_lists_and_its_white_is_object_1(tmp_path: Path) -> None:
    videos = {name: [(noise(10 * k + i, 24, 32, 3), WHITE) for i in range(3)] for k, name in enumerate(("ant", "bee"))}
    tree = davis_tree(tmp_path / "given", videos)
    lines = [f"/JPEGImages/480p/bee/{i:05d}.png /Annotations/480p/bee/{i:05d}.png 1" for i in range(3)]
    write(tree / "ImageSets/480p/train.txt", "\n".join(lines))
    assert [v.name for v in Davis(tree).videos()] == ["bee"]
    (tree / "ImageSets/480p/train.txt").unlink()
    assert joined(tmp_path) == []
    for name in ("ant", "bee"):
        with Track(tmp_path / f"results/t/tracks/files/mine--{name}--1.zip") as track:
            assert all(track.meta.annotated)
            assert [g.area for g in track.meta.geometry if g] == [pytest.approx(144 / 768)] * 3
            assert np.array_equal(cv2.resize(track.mask(1), (32, 24), interpolation=cv2.INTER_NEAREST), WHITE)


def test_a_sequence_with_ids_keeps_255_as_void(tmp_path: Path) -> None:
    ids = np.where(WHITE > 0, 1, 0).astype(np.uint8)
    ids[0] = 255
    davis_tree(
        tmp_path / "given", {name: [(noise(i + k, 24, 32, 3), ids) for i in range(3)] for k, name in enumerate("ab")}
    )
    assert joined(tmp_path) == []
    files = sorted(path.name for path in (tmp_path / "results/t/tracks/files").iterdir())
    assert files == ["mine--a--1.zip", "mine--b--1.zip"]


def test_white_masks_of_youtube_vos_are_its_only_object(tmp_path: Path) -> None:
    youtube_vos_tree(tmp_path, {"a": {0: [3], 5: [3]}})
    for number in (0, 5):
        write(
            tmp_path / f"train/Annotations/a/{number:05d}.png", png(np.where(ids_image(3) > 0, 255, 0).astype(np.uint8))
        )
    source = YouTubeVos(tmp_path)
    assert source.white_object(source.videos()[0]) == 3


def test_lists_of_lasot_may_have_tabs_windows_line_ends_and_old_encodings(tmp_path: Path) -> None:
    for k in (1, 2):
        lasot_sequence(tmp_path / f"cat/cat-{k}", ["2,2,4,6", "3,2,4,6"])
    write(tmp_path / "cat/cat-1/groundtruth.txt", b"\xef\xbb\xbf2\t2\t4\t6\r\n3\t2\t4\t6\r\n")
    write(tmp_path / "cat/cat-1/nlp.txt", "eine Katze mit Bärenohren".encode("cp1252"))
    source = Lasot(tmp_path)
    first = source.videos()[0]
    assert source.boxes(first, 1) == Lasot(tmp_path).boxes(source.videos()[1], 1)
    assert source.info(first, 1).captions == ("eine Katze mit Bärenohren",)


def test_members_of_a_zip_may_have_backslashes(tmp_path: Path, tree: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.zip", "w") as archive:
        for path in sorted(p for p in tree.rglob("*") if p.is_file()):
            archive.writestr(path.relative_to(tree).as_posix().replace("/", "\\"), path.read_bytes())
    packed, plain = Davis(tmp_path / "w.zip"), Davis(tree)
    assert packed.videos() == plain.videos()
    assert np.array_equal(packed.frame(packed.videos()[0], 1), plain.frame(plain.videos()[0], 1))


@pytest.mark.parametrize("name", ["a.m4v", "b.MTS", "c.gif", "d.webm", "e.MP4", "f.ts"])
def test_videos_of_every_suffix_are_taken(tmp_path: Path, name: str) -> None:
    suffix = Path(name).suffix.lower()
    frames = frames_of() * 4
    if suffix == ".gif":
        pictures = [Image.fromarray(frame) for frame in frames]
        pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], duration=100)
    else:
        codec = {".webm": "libvpx", ".mts": "libx264", ".ts": "libx264"}.get(suffix, "mpeg4")
        film(tmp_path / f"x{'.ts' if suffix == '.mts' else suffix}", frames, 25, codec).rename(tmp_path / name)
    stem = Path(name).stem
    beside(tmp_path, stem, mask=mask_image(1))
    source = VideoFolder(tmp_path)
    (video,) = source.videos()
    assert (video.name, len(video.frame_numbers)) == (stem, 16)
    assert source.frame(video, 3).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("kind", ["0 and 1", "soft", "RGB", "JPEG-like"])
def test_masks_of_pairs_are_taken_in_every_form_and_stored_in_black_and_white(tmp_path: Path, kind: str) -> None:
    size = 32
    whole = np.zeros((size, size), np.uint8)
    whole[6:26, 6:26] = 255
    visible = whole.copy()
    visible[:, 16:] = 0

    def form(mask: np.ndarray) -> np.ndarray:
        match kind:
            case "0 and 1":
                return mask // 255
            case "soft":
                return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.8))
            case "RGB":
                return np.repeat(mask[..., None], 3, axis=-1)
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), 2.0))

    for i in (1, 2):
        write(tmp_path / f"given/occlusion/{i}_occlusion.png", png(noise(i, size, size, 3)))
        write(tmp_path / f"given/whole/{i}_whole.png", png(noise(i + 5, size, size, 3)))
        write(tmp_path / f"given/whole_mask/{i}_whole_mask.png", png(form(whole)))
        write(tmp_path / f"given/visible_object_mask/{i}_visible_mask.png", png(form(visible)))
    made(tmp_path, tmp_path / "given")
    assert rejected_pairs(tmp_path) == {}
    members = members_of(tmp_path)
    for name, data in members.items():
        if name.endswith("_mask.png"):
            expected = whole if "whole" in name else visible
            assert ((decode_mask(data, name) > 0) != (expected > 0)).mean() < 0.08


def test_too_many_faulty_pairs_are_refused_as_too_many_faulty_videos_are(tmp_path: Path) -> None:
    for i in range(6):
        for part in ("occlusion", "whole"):
            write(tmp_path / f"given/{part}/{i}_{part}.png", png(noise(i, 8, 8, 3)))
        if i == 0:
            square = np.zeros((8, 8), np.uint8)
            square[2:6, 2:6] = 255
            write(tmp_path / f"given/whole_mask/{i}_whole_mask.png", png(square))
            write(tmp_path / f"given/visible_object_mask/{i}_visible_mask.png", png(square))
    with pytest.raises(BadInput, match=r"5 of 6 pairs of source 'duo' are faulty, more than sources\.max_faulty"):
        made(tmp_path, tmp_path / "given")


def test_a_description_may_be_in_another_encoding(tmp_path: Path) -> None:
    film(tmp_path / "a.mp4", frames_of())
    text = json.dumps({"objects": [{"id": 1, "box": [1, 1, 9, 9], "caption": "ein Bär"}]}, ensure_ascii=False)
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        (tmp_path / "a.json").write_bytes(text.encode(encoding))
        source = VideoFolder(tmp_path)
        assert source.info(source.videos()[0], 1).captions == ("ein Bär",)


def test_frames_of_a_tree_are_those_that_were_written(tmp_path: Path) -> None:
    youtube_vos_tree(tmp_path, {"a": {0: [1], 5: [1]}})
    renamed(tmp_path / "train" / "JPEGImages", ".png", ".PNG")
    source = YouTubeVos(tmp_path)
    assert np.array_equal(source.frame(source.videos()[0], 1), frame_of("a", 5))


def test_a_stray_zip_beside_the_categories_of_lasot_ends_nothing_but_a_cut_one_is_named(tmp_path: Path) -> None:
    lasot_sequence(tmp_path / "cat/cat-1", ["2,2,4,6", "3,2,4,6"])
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as archive:
        archive.writestr("a.log", "x")
    source = Lasot(tmp_path)
    assert source.names() == ["cat-1"]
    assert [row.files for row in source.account({}) if row.use == "unused"] == [("logs.zip/a.log",)]
    (tmp_path / "dog.zip").write_bytes((tmp_path / "logs.zip").read_bytes()[:40])
    source = Lasot(tmp_path)
    assert source.names() == ["cat-1", "dog"]
    with pytest.raises(BadInput, match=r"dog\.zip is truncated or not a zip archive .*; delete it and fetch it again"):
        source.video("dog")


def test_two_pictures_of_one_frame_of_youtube_vos_are_refused(tmp_path: Path) -> None:
    youtube_vos_tree(tmp_path, {"a": {0: [1], 5: [1]}})
    write(tmp_path / "train/JPEGImages/a/5.png", png(noise(3, 12, 16, 3)))
    with pytest.raises(BadInput, match=r"are two pictures of frame 5; remove one of them"):
        YouTubeVos(tmp_path).video("a")


def test_a_soft_object_that_leaves_the_frame_stays_one_object(tmp_path: Path) -> None:
    frames = []
    for i in range(6):
        mask = np.zeros((24, 32), np.uint8)
        cv2.circle(mask, (12 + 4 * i, 12), 6, 255, -1)
        frames.append((noise(i, 24, 32, 3), np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.8))))
    davis_tree(tmp_path / "given", {"ant": frames, "bee": frames[::-1]})
    assert joined(tmp_path) == []
    files = sorted(path.name for path in (tmp_path / "results/t/tracks/files").iterdir())
    assert files == ["mine--ant--1.zip", "mine--bee--1.zip"]


def test_files_that_are_no_part_of_a_pair_are_counted_by_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    square = np.zeros((8, 8), np.uint8)
    square[2:6, 2:6] = 255
    for part, folder in (("whole_mask", "whole_mask"), ("visible_mask", "visible_object_mask")):
        write(tmp_path / f"given/{folder}/1_{part}.png", png(square))
    for part in ("occlusion", "whole"):
        write(tmp_path / f"given/{part}/1_{part}.png", png(noise(1, 8, 8, 3)))
    for name in ("notes/a.txt", "notes/b.txt", "whole/Thumbs.db"):
        write(tmp_path / "given" / name, "x")
    made(tmp_path, tmp_path / "given")
    said = capsys.readouterr().out
    assert "duo: 2 files in notes are no part of a pair, and are not used" in said
    assert "duo: 1 files in whole are no part of a pair" in said
