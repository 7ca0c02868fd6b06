"""Any folder of footage: every file is taken, rejected or unused, and what is taken has the right pixels."""

from __future__ import annotations

import json
import os
import tempfile
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.conftest import CLONE
from tests.unit.builders import png
from tests.unit.layouts import write
from tests.unit.test_video_folder import HEIGHT, WIDTH, film, frames_of, mask_image
from tgvac.cli import main
from tgvac.clips.images import encode_jpeg
from tgvac.errors import BadInput
from tgvac.params import load_params
from tgvac.sources.account import write_account
from tgvac.sources.check_folder import as_table, check, write_page
from tgvac.sources.faults import valid_videos
from tgvac.sources.links import unfollowed
from tgvac.sources.safe_names import safe_names
from tgvac.sources.series import find_series
from tgvac.sources.video_files import list_videos
from tgvac.sources.video_folder import VideoFolder

NAMES = ["dog", "my dog", "Bär", "a#1 (2)", "100%", "it's", "x" * 120, "shot_2024", "😀", "a--b", "Dog", ".hidden"]
STRAYS = ["notes.txt", "logs.zip", "Thumbs.db", "x.json", "y.png", "out/result.mp4", "__MACOSX/._a.mp4", "audio/a.wav"]


@dataclass
class Made:
    """A folder that was written by rules: what must be taken, with the first frame and object of each."""

    files: set[str] = field(default_factory=set)
    taken: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)


def build(root: Path, kinds: list[tuple[str, str, str]], strays: list[str]) -> Made:
    """Write videos (name, kind, beside) and strays."""
    made = Made()

    def put(name: str, data: bytes) -> None:
        write(root / name, data)
        made.files.add(name)

    mask = mask_image(1)
    for k, (name, kind, beside) in enumerate(kinds):
        frames = [np.random.default_rng((k, i)).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8) for i in range(3)]
        good = not name.startswith(".") and beside != "nothing"
        match kind:
            case "series":
                for i, frame in enumerate(frames):
                    put(f"{name}/shot_2024_{i + 8}.png", png(frame))
            case "upper":
                for i, frame in enumerate(frames):
                    put(f"{name}/{i:03d}.PNG", png(frame))
            case "gap":
                for i, frame in zip((0, 1, 9), frames, strict=True):
                    put(f"{name}/{i}.png", png(frame))
                good = False
            case "two series":
                for i, frame in enumerate(frames):
                    put(f"{name}/f{i}.png", png(frame))
                    put(f"{name}/mask{i}.png", png(mask))
                good = False
            case "with a picture":
                for i, frame in enumerate(frames):
                    put(f"{name}/{i}.png", png(frame))
                put(f"{name}/cover.png", png(frames[0]))
        match beside:
            case "mask":
                put(f"{name}.png", png(mask, palette=True))
            case "white":
                put(f"{name}_mask.png", png(mask * np.uint8(255)))
            case "box":
                put(
                    f"{name}.json",
                    b"\xef\xbb\xbf" + json.dumps({"objects": [{"id": 1, "box": [8, 8, 8, 16]}]}).encode(),
                )
        if good:
            made.taken[name] = frames[0], mask
    for name in strays:
        if not (root / name).exists():
            put(name, b"PK stray")
    return made


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(NAMES),
            st.sampled_from(["series", "upper", "gap", "two series", "with a picture"]),
            st.sampled_from(["mask", "white", "box", "nothing"]),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda each: each[0].casefold(),
    ),
    st.lists(st.sampled_from(STRAYS), unique=True),
)
def test_every_file_is_accounted_for_and_what_is_taken_has_the_right_pixels(
    kinds: list[tuple[str, str, str]], strays: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "footage"
        made = build(root, kinds, strays)
        if not any(not name.startswith(".") for name, _, _ in kinds):
            with pytest.raises(BadInput, match="has no video"):
                VideoFolder(root)
            return
        source = VideoFolder(root)
        valid, faulty = valid_videos(source, root)
        rows = source.account(faulty)
        listed = [file for row in rows for file in row.files]
        assert len(listed) == len(set(listed)), "no file twice"
        assert set(listed) == made.files
        assert all(row.note for row in rows if row.use != "taken"), "a reason for what is not taken"
        ids = safe_names(name for name, _, _ in kinds if not name.startswith("."))
        assert {video.name for video in valid} == {ids[name] for name in made.taken}
        for name, (frame, mask) in made.taken.items():
            video = next(v for v in valid if v.name == ids[name])
            assert np.array_equal(source.frame(video, 0), frame)
            found, boxes = source.annotation(video, 0), source.boxes(video, 0)
            assert boxes is not None if found is None else np.array_equal(found > 0, mask > 0)


@given(st.lists(st.text(min_size=1, max_size=245).filter(lambda n: "/" not in n and "\x00" not in n), unique=True))
def test_any_names_get_ids_that_are_safe_and_differ_also_without_case(names: list[str]) -> None:
    ids = safe_names(names)
    assert list(ids) == sorted(names)
    # Composed and decomposed forms are one name: file systems exchange them.
    assert len({i.casefold() for i in ids.values()}) == len({unicodedata.normalize("NFC", name) for name in names})
    for each in ids.values():
        assert each.isascii()
        assert "--" not in each
        assert "/" not in each
        assert len(each) <= 100


def test_frames_are_ordered_by_their_last_number_and_not_by_text() -> None:
    names = [f"take2_{i}.jpg" for i in (1, 2, 10, 9, 3, 4, 5, 6, 7, 8)]
    found = find_series(names, "f")
    assert found is not None
    assert found.frames == tuple(f"take2_{i}.jpg" for i in range(1, 11))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["0.jpg", "0.png", "1.jpg"], "f has two pictures of frame 0, 0.jpg and 0.png; remove one of them"),
        (["1.jpg", "01.jpg", "2.jpg"], "f has two pictures of frame 1, 01.jpg and 1.jpg; remove one of them"),
        (["0.jpg", "1.jpg", "5.jpg"], "f has no frame between 1 and 5, though others are 1 apart"),
        (["a0.jpg", "a1.jpg", "b0.jpg", "b1.jpg", "b2.jpg"], r"two series of pictures, b0\.jpg … b2\.jpg \(3\) and a0"),
    ],
)
def test_a_series_that_is_not_one_is_refused(names: list[str], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        find_series(names, "f")


def test_neighbours_that_cannot_be_used_end_nothing(tmp_path: Path) -> None:
    root = tmp_path / "videos"
    film(root / "a.mp4", frames_of())
    write(root / "a.png", png(mask_image(1), palette=True))
    (root / "broken.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (root / "locked").mkdir()
    write(root / "locked/0.png", png(frames_of()[0]))
    cover = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    Image.fromarray(cover).save(root / "a.jpg")
    source = VideoFolder(root)
    valid, faulty = valid_videos(source, root)
    assert ([v.name for v in valid], faulty) == (["a"], {})
    unused = {row.files[0]: row.note for row in source.account(faulty) if row.use == "unused"}
    assert unused["broken.mp4"] == "a link that leads nowhere"
    assert unused["locked/0.png"] == "in a folder without a series of pictures"
    assert unused["a.jpg"] == "a.png is the mask"


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_a_folder_without_permission_ends_nothing_and_is_listed(tmp_path: Path) -> None:
    root = tmp_path / "videos"
    film(root / "a.mp4", frames_of())
    write(root / "a.png", png(mask_image(1), palette=True))
    (root / "locked").mkdir(mode=0)
    assert VideoFolder(root).names() == ["a"]
    assert list_videos(root).unused == {"locked": "cannot be read: no permission"}


def test_a_white_mask_is_the_only_object_of_the_description(tmp_path: Path) -> None:
    root = tmp_path / "videos"
    film(root / "a.mp4", frames_of())
    write(root / "a.png", png(mask_image(1) * np.uint8(255)))
    write(root / "a.json", json.dumps({"objects": [{"id": 7, "category": "dog"}]}))
    source = VideoFolder(root)
    (video,) = source.videos()
    found = source.annotation(video, 0)
    assert found is not None
    assert set(np.unique(found)) == {0, 7}


def test_the_check_prints_what_is_taken_and_writes_a_page_with_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "videos"
    film(root / "a<b>.mp4", frames_of())
    write(root / "a<b>.json", json.dumps({"objects": [{"id": 1, "box": [8, 8, 8, 16]}]}))
    film(root / "plain.mp4", frames_of())
    write(root / "notes.txt", "x")
    checked = check(root)
    assert checked.layout == "videos"
    assert checked.taken == 1
    text = as_table(checked)
    assert "1 video is taken" in text
    assert "rejected  plain: plain.mp4 has no object in its first frame; write plain.json" in text
    assert "unused    notes.txt: not a video" in text
    write_page(checked, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<img ") == 1
    assert 'src="data:image/jpeg;base64,' in page
    assert "<b>a<" not in page, "names are escaped"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["data", "check", str(root)])
    assert ended.value.code in (None, 0)
    assert "see the masks in check.html" in capsys.readouterr().out


def test_the_check_finds_a_damaged_frame_in_the_middle_and_footage_that_is_there_twice(tmp_path: Path) -> None:
    root = tmp_path / "davis"
    for name in ("a", "b", "c"):
        for i, frame in enumerate(frames_of()):
            write(root / f"JPEGImages/480p/{name}/{i:05d}.jpg", encode_jpeg(frame if name != "c" else frame // 2))
            write(root / f"Annotations/480p/{name}/{i:05d}.png", png(mask_image(1), palette=True))
    write(root / "JPEGImages/480p/c/00002.jpg", encode_jpeg(frames_of()[2])[:60])
    checked = check(root, "davis", load_params(CLONE, "local").sources)
    found = {row.video: (row.use, row.note) for row in checked.rows}
    assert found["a"] == ("taken", f"{len(frames_of())} frames")
    assert found["b"] == ("rejected", "the same frames as a")
    assert found["c"][0] == "rejected"
    assert "00002.jpg" in found["c"][1]
    assert checked.refused == ""


@pytest.mark.parametrize("what", ["JPEGImages", "Annotations"])
def test_the_check_finds_a_frame_or_a_mask_of_another_size(tmp_path: Path, what: str) -> None:
    root = tmp_path / "davis"
    for name in ("a", "b"):
        for i, frame in enumerate(frames_of()):
            small = name == "b" and i == 2
            picture = frame[::2, ::2] if small and what == "JPEGImages" else frame
            mask_HW = mask_image(1)[::2, ::2] if small and what == "Annotations" else mask_image(1)
            write(root / f"JPEGImages/480p/{name}/{i:05d}.jpg", encode_jpeg(picture // (1 + (name == "b"))))
            write(root / f"Annotations/480p/{name}/{i:05d}.png", png(mask_HW, palette=True))
    found = {row.video: (row.use, row.note) for row in check(root, "davis").rows}
    assert found["a"][0] == "taken"
    assert found["b"][0] == "rejected"
    assert "of frame 00002 is" in found["b"][1]


def test_the_check_says_that_a_run_would_refuse_too_many_faulty_videos(tmp_path: Path) -> None:
    root = tmp_path / "videos"
    film(root / "a.mp4", frames_of())
    write(root / "a.png", png(mask_image(1), palette=True))
    for name in ("b", "c"):
        film(root / f"{name}.mp4", frames_of())
    checked = check(root, "", load_params(CLONE, "local").sources)
    assert "2 of 3 videos of source 'given' are faulty, more than sources.max_faulty (0.5) allows" in checked.refused
    assert "a run would refuse all of it: 2 of 3 videos" in as_table(checked)
    assert check(root).refused == "", "without params nothing says how many are too many"


def test_unused_files_with_one_reason_are_one_line(tmp_path: Path) -> None:
    root = tmp_path / "videos"
    film(root / "a.mp4", frames_of())
    write(root / "a.png", png(mask_image(1), palette=True))
    for i in range(30):
        write(root / f"n{i}.txt", "x")
    (line,) = [line for line in as_table(check(root)).splitlines() if line.startswith("unused")]
    assert line == "unused    n0.txt and 29 more: not a video"


def test_a_folder_of_no_layout_is_refused_with_each_reason(tmp_path: Path) -> None:
    write(tmp_path / "f/notes.txt", "x")
    with pytest.raises(BadInput, match=r"is in none of the known layouts\. davis: .* videos: .* has no video"):
        check(tmp_path / "f")
    with pytest.raises(BadInput, match="does not exist; give the folder or archive"):
        check(tmp_path / "g")


def test_two_forms_of_one_name_are_two_videos_of_one_name(tmp_path: Path) -> None:
    root = tmp_path / "videos"
    for form in ("NFC", "NFD"):
        film(root / f"{unicodedata.normalize(form, 'Bär')}.mp4", frames_of())
    write(root / f"{unicodedata.normalize('NFC', 'Bär')}.png", png(mask_image(1), palette=True))
    source = VideoFolder(root)
    valid, faulty = valid_videos(source, root)
    assert valid == []
    (reason,) = faulty.values()
    assert "are two videos with the same name; rename one of them" in reason
    listed = {file for row in source.account(faulty) for file in row.files}
    assert len(listed) == 3


def test_names_that_are_no_utf_8_are_read_and_escaped_in_the_account(tmp_path: Path) -> None:
    root = tmp_path / "videos"
    odd = os.fsdecode(b"b\xe4r")
    film(root / f"{odd}.mp4", frames_of())
    write(root / f"{odd}.png", png(mask_image(1), palette=True))
    write(root / os.fsdecode(b"caf\xe9.txt"), "x")
    source = VideoFolder(root)
    (video,) = source.videos()
    assert video.name.isascii()
    write_account(tmp_path / "account.csv", [("videos", row) for row in source.account({})])
    text = (tmp_path / "account.csv").read_text(encoding="utf-8")
    assert r"unused,videos,caf\xe9.txt,1,not a video" in text
    assert r"b\xe4r.mp4" in text


def test_what_is_no_file_and_folders_of_videos_are_unused_with_the_reason(tmp_path: Path) -> None:
    root = tmp_path / "videos"
    film(root / "a.mp4", frames_of())
    write(root / "a.png", png(mask_image(1), palette=True))
    os.mkfifo(root / "pipe.mp4")
    film(root / "day1" / "b.mp4", frames_of())
    for i in range(2):
        write(root / f"day1/b{i}.png", png(mask_image(1)))
    source = VideoFolder(root)
    assert source.names() == ["a"]
    unused = {row.files[0]: row.note for row in source.account({}) if row.use == "unused"}
    assert unused["pipe.mp4"] == "neither a file nor a folder"
    assert unused["day1/b0.png"] == "in a folder with videos (b.mp4); give that folder itself"


def test_a_folder_that_is_one_sequence_is_told_so(tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path / f"{i}.png", png(frames_of()[0]))
    with pytest.raises(BadInput, match=r"its pictures \(0\.png, …\) look like the frames of one video: give the"):
        VideoFolder(tmp_path)
    with pytest.raises(BadInput, match=r"0\.png is a file; give the folder that has your footage"):
        check(tmp_path / "0.png")


def test_a_link_to_itself_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert [link.name for link in unfollowed(tmp_path)] == ["self"]
