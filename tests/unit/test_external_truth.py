"""Data sets that come with the truth, as clips; and what is exported of them for methods to complete."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.external_sets import (
    BAR,
    FRAMES,
    VIDEOS,
    drawn,
    jpeg,
    png,
    put,
    write_movi_mc_ac,
    write_tabe51,
)
from tgvac.cli import main
from tgvac.clips.export_record import input_digest, read_export
from tgvac.clips.images import decode_mask, decode_rgb
from tgvac.errors import BadInput
from tgvac.external import export as exporting
from tgvac.external.export import Exported, choose, export_inputs
from tgvac.external.texts import read_texts
from tgvac.external.truth import LAYOUTS, ExternalClips, open_truth

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tabe(tmp_path: Path) -> Path:
    return write_tabe51(tmp_path / "TABE-51")


@pytest.fixture
def movi(tmp_path: Path) -> Path:
    return write_movi_mc_ac(tmp_path / "MOVi")


def export(kind: str, folder: Path) -> Exported:
    return export_inputs(ExternalClips(kind, folder), folder, folder.parent / "inputs", {})


def cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


@pytest.mark.parametrize("inner", ["", "data"])
def test_a_video_of_tabe51_is_a_clip_whose_truth_is_its_mask(tabe: Path, inner: str) -> None:
    truth = open_truth(f"tabe51:{tabe / inner}")
    assert truth.samples() == tuple(f"tabe51/{video}" for video in VIDEOS)
    assert not truth.colours
    clip = truth.render("tabe51/bee")
    clip.check()
    for i in range(FRAMES):
        each = drawn("bee", i)
        assert np.array_equal(clip.amodal_FHW[i], each.amodal_HW)
        assert np.array_equal(clip.visible_FHW[i], each.visible_HW)
        assert np.abs(clip.frames_FHW3[i].astype(int) - each.frame_HW3).mean() < 4, "JPEG"
        seen = each.visible_HW > 0
        assert np.array_equal(clip.whole_FHW3[i][seen], clip.frames_FHW3[i][seen])
        assert (clip.whole_FHW3[i][~seen] == 255).all(), "what is hidden has no colours"
    assert truth.length("tabe51/bee") == FRAMES
    assert np.array_equal(truth.render("tabe51/bee", [3]).amodal_FHW[0], clip.amodal_FHW[3])
    with pytest.raises(ValueError, match="frame 5 of tabe51/bee was requested"):
        truth.render("tabe51/bee", [FRAMES])


def test_an_object_of_movi_mc_ac_is_a_clip_with_the_colours_of_the_whole_object(movi: Path) -> None:
    truth = open_truth(f"movi_mc_ac:{movi}")
    names = [f"{s}/camera_{c:04d}/obj_{o:04d}" for s in ("3f2a", "77b0") for c in (0, 1) for o in (1, 2)]
    assert truth.samples() == tuple(f"movi_mc_ac/{name}" for name in names)
    clip = truth.render("movi_mc_ac/77b0/camera_0001/obj_0001")
    clip.check()
    for i in range(FRAMES):
        each = drawn("77b01", i)
        assert np.array_equal(clip.visible_FHW[i], each.visible_HW)
        assert np.array_equal(clip.amodal_FHW[i], each.amodal_HW)
        assert np.array_equal(clip.frames_FHW3[i], each.frame_HW3)
        inside = each.amodal_HW > 0
        assert np.array_equal(clip.whole_FHW3[i][inside], each.whole_HW3[inside])
        assert (clip.whole_FHW3[i][~inside] == 255).all()
    bar = truth.render("movi_mc_ac/77b0/camera_0001/obj_0002")
    assert (bar.visible_FHW[0][:, BAR] == 255).all(), "each object is a sample"
    assert truth.video("movi_mc_ac/77b0/camera_0001/obj_0002") == "movi_mc_ac/77b0", "cameras see the same scene"


def test_a_scene_is_found_wherever_its_archive_was_unpacked(movi: Path, tmp_path: Path) -> None:
    plain = ExternalClips("movi_mc_ac", movi).samples()
    assert ExternalClips("movi_mc_ac", movi / "test").samples() == plain
    assert len(ExternalClips("movi_mc_ac", movi / "test" / "3f2a").samples()) == 4
    (tmp_path / "again" / "train" / "3f2a").mkdir(parents=True)
    (movi / "test" / "3f2a").rename(tmp_path / "again" / "train" / "3f2a" / "3f2a")
    (movi / "test" / "77b0").rename(tmp_path / "again" / "77b0")
    assert ExternalClips("movi_mc_ac", tmp_path / "again").samples() == plain
    shutil.copytree(tmp_path / "again" / "77b0", tmp_path / "again" / "test" / "77b0")
    with pytest.raises(BadInput, match=r"77b0/camera_0000 are the same camera of one scene; keep one of them\.$"):
        ExternalClips("movi_mc_ac", tmp_path / "again")


def test_two_composites_of_one_recording_are_one_unit_of_intervals(tmp_path: Path) -> None:
    truth = ExternalClips("tabe51", write_tabe51(tmp_path / "set", ("goose_1", "goose_1-1", "goose_2")))
    assert [truth.video(s) for s in truth.samples()] == ["tabe51/goose_1", "tabe51/goose_1", "tabe51/goose_2"]


def test_pictures_may_have_other_names_with_the_same_numbers(tabe: Path) -> None:
    for path in sorted((tabe / "data" / "cat" / "frames").iterdir()):
        path.rename(path.with_name(f"shot_{int(path.stem)}.JPG"))
    assert export("tabe51", tabe).left_out == {}


def delete(name: str) -> Callable[[Path], None]:
    return lambda video: (video / name).unlink()


def write(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda video: put(video / name, data)


def only_first(video: Path) -> None:
    for path in sorted((video / "visible_masks").iterdir())[1:]:
        path.unlink()


def exchange(video: Path) -> None:
    # So much is hidden in all frames that the two cannot be taken for each other.
    for i in range(FRAMES):
        half_HW = drawn("cat", i).amodal_HW.copy()
        half_HW[24:] = 0
        put(video / "visible_masks" / f"{i:05d}.png", png(drawn("cat", i).amodal_HW))
        put(video / "gt_masks" / f"{i:05d}.png", png(half_HW))


def unnumbered(video: Path) -> None:
    for i, path in enumerate(sorted((video / "frames").iterdir())):
        path.rename(path.with_name(f"{'abcde'[i]}.jpg"))


def nothing_seen(video: Path) -> None:
    for i in range(FRAMES):
        put(video / "visible_masks" / f"{i:05d}.png", png(np.zeros_like(drawn("cat", i).visible_HW)))


small = np.zeros((24, 32), np.uint8)
_BAD = {
    "mask of one frame missing": (delete("gt_masks/00002.png"), "has gt_masks of 4 of 5 frames, and none of frame 2"),
    "only the first mask": (only_first, "has visible_masks of 1 of 5 frames, and none of frames 1, 2, 3, …"),
    "mask too many": (write("gt_masks/00009.png", png(small)), "has gt_masks of frame 9, but no such frame in frames"),
    "gap": (delete("frames/00002.jpg"), "has no picture of frame 2 in frames"),
    "no frames": (lambda video: shutil.rmtree(video / "frames"), "has no pictures in frames"),
    "no numbers": (unnumbered, "has no pictures in frames"),
    "two of a number": (write("frames/1.png", png(small)), "1.png have the same number|00001.jpg have the same number"),
    "number too long": (write("frames/1234567890.jpg", jpeg(drawn("cat", 0).frame_HW3)), "a number of 10 digits"),
    "mask of another size": (write("gt_masks/00001.png", png(small)), "00001.png is 32x24, but its frame 64x48"),
    "frame of another size": (
        lambda video: [
            put(video / part / f"00003.{kind}", data)
            for part, kind, data in (
                ("frames", "jpg", jpeg(np.zeros((24, 32, 3), np.uint8))),
                ("visible_masks", "png", png(small)),
                ("gt_masks", "png", png(small)),
            )
        ],
        "00003.jpg is 32x24, but the first frame 64x48",
    ),
    "damaged frame": (write("frames/00001.jpg", b"no picture"), "00001.jpg is not a readable image"),
    "cut frame": (
        write("frames/00001.jpg", jpeg(drawn("cat", 0).frame_HW3)[:-400]),
        "00001.jpg is not a readable image .*truncated",
    ),
    "damaged mask": (write("gt_masks/00001.png", b"\x89PNG\r\n"), "00001.png is not a readable mask"),
    "several objects": (
        write(
            "gt_masks/00001.png",
            png((drawn("cat", 1).amodal_HW > 0).astype(np.uint8) * 3 + np.eye(48, 64, dtype=np.uint8)),
        ),
        "00001.png has the ids 1, 3",
    ),
    "nothing seen": (nothing_seen, "nothing is seen of the object in any frame"),
    "exchanged": (exchange, r"\d\d% of what is seen lies outside of the whole object's masks; are the folders exch"),
}


@pytest.mark.parametrize("name", _BAD)
def test_a_bad_video_is_left_out_with_one_sentence_and_the_others_are_exported(tabe: Path, name: str) -> None:
    harm, said = _BAD[name]
    harm(tabe / "data" / "cat")
    made = export("tabe51", tabe)
    assert made.samples == len(VIDEOS) - 1
    ((sample, reason),) = made.left_out.items()
    assert sample == "tabe51/cat"
    assert re.search(said, reason), reason
    assert "\n" not in reason
    assert reason.endswith((".", "?"))
    assert str(tabe.parent) not in reason, "no path of this machine"
    assert cells(tabe.parent / "inputs" / "left_out.csv") == [["name", "reason"], [sample, reason]]
    assert sample not in read_export(tabe.parent / "inputs" / "export.json").samples


def test_a_bad_object_of_movi_mc_ac_is_left_out_and_the_others_are_exported(movi: Path) -> None:
    camera = movi / "test" / "3f2a" / "camera_0000"
    (camera / "obj_0001" / "rgba_00003.png").unlink()
    put(camera / "obj_0002" / "segmentation_00000.png", png(small))
    made = export("movi_mc_ac", movi)
    assert made.samples == 6
    first, second = made.left_out.values()
    assert first.startswith("3f2a/camera_0000/obj_0001 has obj_0001/rgba of 4 of 5 frames, and none of frame 3;")
    assert "obj_0002/segmentation_00000.png is 32x24, but its frame 64x48" in second
    (camera / "segmentation_00000.png").write_bytes(b"")
    assert set(export("movi_mc_ac", movi).left_out) == {
        "movi_mc_ac/3f2a/camera_0000/obj_0001",
        "movi_mc_ac/3f2a/camera_0000/obj_0002",
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("tabe51", "is not LAYOUT:FOLDER"),
        ("tabe51:", "is not LAYOUT:FOLDER"),
        ("tabe52:{folder}", "unknown layout 'tabe52'; did you mean 'tabe51'?"),
        ("tabe51:{folder}/none", "is no folder; give the folder of the data set"),
        ("tabe51:{folder}", "has no video of TABE-51, which are folders with frames/"),
        ("movi_mc_ac:{folder}", "has no scene of MOVi-MC-AC"),
    ],
)
def test_a_wrong_data_set_is_refused_in_one_sentence(tmp_path: Path, given: str, said: str) -> None:
    (tmp_path / "set").mkdir()
    with pytest.raises(BadInput) as caught:
        open_truth(given.format(folder=tmp_path / "set"))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_cameras_without_whole_objects_are_refused(movi: Path) -> None:
    for path in movi.rglob("obj_*"):
        shutil.rmtree(path)
    with pytest.raises(BadInput, match="has cameras, but no folder obj_0001/ with a whole object"):
        ExternalClips("movi_mc_ac", movi)


def test_a_data_set_of_bad_videos_alone_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    folder = write_tabe51(tmp_path / "TABE-51", ("ant", "bee"), hidden=("ant", "bee"))
    with pytest.raises(BadInput, match="can be exported, the first because of this: ant: nothing is seen"):
        export("tabe51", folder)
    assert not (tmp_path / "inputs" / "export.json").exists()


def test_the_export_has_what_methods_are_given_and_nothing_of_the_truth(tabe: Path) -> None:
    truth, out = ExternalClips("tabe51", tabe), tabe.parent / "inputs"
    export_inputs(truth, tabe, out, {"tabe51/bee": "a bee"})
    pictures = {f"{part}/{i:05d}.png" for part in ("frames", "visible") for i in range(FRAMES)}
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert found == {"export.json", "left_out.csv"} | {
        f"tabe51--{video}/{file}" for video in VIDEOS for file in (*pictures, "text.txt")
    }
    assert (out / "tabe51--bee" / "text.txt").read_text() == "a bee\n"
    assert (out / "tabe51--ant" / "text.txt").read_text() == ""
    record, clip = read_export(out / "export.json"), truth.render("tabe51/bee")
    assert (record.kind, record.scale) == ("inputs", "external/tabe51")
    record.check("tabe51/bee", clip.frames_FHW3, clip.visible_FHW)
    for i in range(FRAMES):
        frame, mask = (out / "tabe51--bee" / part / f"{i:05d}.png" for part in ("frames", "visible"))
        assert np.array_equal(decode_rgb(frame.read_bytes(), ""), clip.frames_FHW3[i])
        assert np.array_equal(decode_mask(mask.read_bytes(), ""), clip.visible_FHW[i])


def test_a_stopped_export_goes_on_and_a_changed_video_is_written_again(
    tabe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = ExternalClips.examine

    def examine(self: ExternalClips, sample: str) -> object:
        seen.append(sample.partition("/")[2])
        if len(seen) == 3:
            raise KeyboardInterrupt
        return real(self, sample)

    monkeypatch.setattr(ExternalClips, "examine", examine)
    with pytest.raises(KeyboardInterrupt):
        export("tabe51", tabe)
    assert not (tabe.parent / "inputs" / "export.json").exists(), "a part is not taken for the whole"
    assert export("tabe51", tabe).samples == len(VIDEOS)
    assert seen[3:] == list(VIDEOS[2:])
    put(tabe / "data" / "dog" / "frames" / "00004.jpg", jpeg(drawn("ant", 4).frame_HW3))
    shutil.rmtree(tabe / "data" / "eel")
    seen.extend([""])
    assert export("tabe51", tabe).samples == len(VIDEOS) - 1
    assert seen[7:] == ["", "dog"]
    assert not (tabe.parent / "inputs" / "tabe51--eel").exists()
    clip = ExternalClips("tabe51", tabe).render("tabe51/dog")
    digest = input_digest(clip.frames_FHW3, clip.visible_FHW)
    assert read_export(tabe.parent / "inputs" / "export.json").samples["tabe51/dog"].digest == digest


def test_folders_with_other_files_are_refused(tabe: Path, tmp_path: Path) -> None:
    put(tmp_path / "inputs" / "mine.txt", b"")
    with pytest.raises(BadInput, match=r"inputs has other files in it, such as mine\.txt; give a folder that is new"):
        export("tabe51", tabe)
    (tmp_path / "inputs" / "mine.txt").unlink()
    export("tabe51", tabe)
    put(tmp_path / "inputs" / "mine.txt", b"")
    with pytest.raises(BadInput, match=r"such as mine\.txt"):
        export("tabe51", tabe)
    with pytest.raises(BadInput, match="is in the data set itself"):
        export_inputs(ExternalClips("tabe51", tabe), tabe, tabe / "data" / "inputs", {})
    put(tmp_path / "file", b"")
    with pytest.raises(BadInput, match="file is a file; give a folder"):
        export_inputs(ExternalClips("tabe51", tabe), tabe, tmp_path / "file", {})


def test_a_part_of_the_samples_is_drawn_by_their_names() -> None:
    names = [f"set/{i}" for i in range(40)]
    some = choose(names, 10)
    assert len(some) == 10
    assert some == sorted(some) != names[:10]
    assert set(choose(names[:-1], 10)) >= set(some) - {names[-1]}, "a further sample moves no other"
    assert choose(names, 0) == sorted(names)


def test_sentences_are_found_by_any_of_a_samples_names(tabe: Path, tmp_path: Path) -> None:
    samples = ExternalClips("tabe51", tabe).samples()
    path = tmp_path / "texts.csv"
    path.write_text('name,text\ntabe51/ant,an ant\nbee,"a bee, flying"\ntabe51--cat,\n', encoding="utf-8-sig")
    assert read_texts(path, samples) == {
        "tabe51/ant": "an ant",
        "tabe51/bee": "a bee, flying",
        "tabe51/cat": "",
    }
    path.write_text("text\tname\na dog, black\tdog\n")
    assert read_texts(path, samples) == {"tabe51/dog": "a dog, black"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,caption\nant,an ant\n", "lacks the columns 'name' and 'text'"),
        ("", "lacks the columns"),
        ("name,text\nantt,an ant\n", "line 2: 'antt' is no sample; did you mean 'ant'?"),
        ("name,text\nant,an ant\ntabe51/ant,an ant\n", "line 3: 'tabe51/ant' has a text already"),
        ("name,text\nbee,a bee, flying\n", "line 2, has more columns than its first line"),
    ],
)
def test_a_wrong_file_of_sentences_is_refused_with_its_line(tabe: Path, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "texts.csv"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        read_texts(path, ExternalClips("tabe51", tabe).samples())
    assert said in str(caught.value)
    with pytest.raises(BadInput, match=r"none\.csv cannot be read"):
        read_texts(tmp_path / "none.csv", ())


def test_the_command_exports_a_data_set(
    tabe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "with_progress", lambda items, label, total: items)
    (tabe / "data" / "cat" / "gt_masks" / "00000.png").unlink()
    out = tmp_path / "inputs"
    with pytest.raises(SystemExit) as ended:
        main(["export", "--truth", f"tabe51:{tabe}", "--out", str(out)])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "left out: cat has gt_masks of 4 of 5 frames" in said
    assert f"5 samples of TABE-51 are in {out}" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Give either --scale, or --truth LAYOUT:FOLDER."),
        (["--scale", "tiny", "--truth", "tabe51:x"], "Give either --scale, or --truth"),
        (["--truth", "tabe51:x", "--evaluated"], "leave --split, --format and --evaluated out"),
        (["--truth", "tabe51:x", "--format", "truth"], "leave --split, --format and --evaluated out"),
        (["--scale", "tiny", "--most", "3"], "--texts and --most are of a data set"),
    ],
)
def test_options_that_do_not_fit_are_refused(capsys: pytest.CaptureFixture[str], options: list[str], said: str) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--out", "nowhere", *options])
    assert said in capsys.readouterr().err


def test_each_layout_has_its_licence_and_the_sources_of_what_is_known_of_it() -> None:
    with (ROOT / "reference" / "external.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows] == list(LAYOUTS)
    assert all(row["title"] == LAYOUTS[row["name"]].title for row in rows)
    assert all(row[column] for row in rows for column in ("page", "licence", "read_in", "unsure"))


def test_transparency_of_the_input_does_not_matter(movi: Path) -> None:
    path = movi / "test" / "3f2a" / "camera_0000" / "rgba_00000.png"
    with Image.open(path) as image:
        clear = np.asarray(image.convert("RGBA")).copy()
    before = ExternalClips("movi_mc_ac", movi).render("movi_mc_ac/3f2a/camera_0000/obj_0001").frames_FHW3
    clear[:10, :, 3] = 0
    put(path, png(clear))
    after = ExternalClips("movi_mc_ac", movi).render("movi_mc_ac/3f2a/camera_0000/obj_0001").frames_FHW3
    assert np.array_equal(before, after)
