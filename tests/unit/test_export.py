"""Export: plain files that tools and our adapter can read, complete or not at all, and never over other files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.params_project import copy_params, overlay
from tests.unit.test_synthesis import masks, params, project, synthesise
from tgvac.cli import main
from tgvac.clips.captions import Caption, write_captions
from tgvac.clips.export_record import read_export
from tgvac.clips.images import decode_indices, decode_mask, decode_rgb
from tgvac.clips.recipe import Recipe, read_recipes
from tgvac.clips.tables import read_table
from tgvac.errors import BadInput
from tgvac.sources.davis import Davis
from tgvac.stage import Context
from tgvac.synthesis import export as module
from tgvac.synthesis.clips import recipe_clips, track_opener
from tgvac.synthesis.export import export
from tgvac.synthesis.synthesis_stage import OCCLUSION_FORMAT


@pytest.fixture(scope="module")
def scale(tmp_path_factory: pytest.TempPathFactory) -> Context:
    root = tmp_path_factory.mktemp("scale")
    project(root, 10)
    synthesise(root, 1, params())
    ctx = Context(root, "t", "export", "")
    # One object of the split has no caption.
    targets = sorted({r.target for r in recipes_of(ctx, "val")})
    said = [Caption(track=t, captioner="given", raw="x", text=f'a "grey", {t}') for t in targets[1:]]
    write_captions(ctx.results / "captions" / "captions.parquet", said)
    return ctx


def recipes_of(ctx: Context, split: str) -> list[Recipe]:
    return [r for r in read_recipes(ctx.results / "synthesis" / "recipes.parquet") if r.split == split]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_folders_have_the_content_of_the_clips(scale: Context, tmp_path: Path) -> None:
    out = tmp_path / "made"
    count = export(scale, "val", out, "davis", 8)
    clips = recipe_clips(scale, "val")
    assert count == len(clips.samples()) > 3
    for sample in clips.samples():
        clip, name = clips.render(sample), sample.replace("/", "--")
        for i in range(clips.length(sample)):
            for kind, mask in (
                ("Annotations", clip.visible_FHW),
                ("AmodalAnnotations", clip.amodal_FHW),
                ("Occluders", clip.occluder_FHW),
            ):
                path = out / kind / "480p" / name / f"{i:05d}.png"
                assert np.array_equal(decode_indices(path.read_bytes(), "it", ("P",)), (mask[i] > 0).astype(np.uint8))
            target = (out / "Targets" / "480p" / name / f"{i:05d}.png").read_bytes()
            assert np.array_equal(decode_rgb(target, "it"), clip.whole_FHW3[i])
            frame = decode_rgb((out / "JPEGImages" / "480p" / name / f"{i:05d}.jpg").read_bytes(), "it")
            # Noise is the worst case for JPEG.
            assert np.abs(frame.astype(int) - clip.frames_FHW3[i]).mean() < 4


def test_tables_name_each_video_and_frame_by_the_measured_rate(scale: Context, tmp_path: Path) -> None:
    export(scale, "val", tmp_path / "made", "davis", 8)
    recipes = recipes_of(scale, "val")
    said = rows(tmp_path / "made" / "captions.csv")
    assert [row["sample"] for row in said] == [r.recipe for r in recipes]
    first = min(r.target for r in recipes)
    for row in said:
        expected = "" if row["track"] == first else f'a "grey", {row["track"]}'
        assert (row["text"], row["captioner"]) == (expected, "given" if expected else "")
    rates = {(row["sample"], int(row["frame"])): float(row["rate"]) for row in rows(tmp_path / "made/occlusion.csv")}
    table = read_table(scale.results / "synthesis" / "occlusion.parquet", OCCLUSION_FORMAT)
    wanted = {(r["recipe"], r["frame"]): r["rate"] for r in table if r["recipe"] in {x.recipe for x in recipes}}
    assert set(rates) == set(wanted)
    assert all(rates[key] == pytest.approx(wanted[key], abs=2e-6) for key in rates)


def test_an_export_can_be_read_as_a_source_in_davis_layout(scale: Context, tmp_path: Path) -> None:
    export(scale, "val", tmp_path / "made", "davis", 8)
    davis = Davis(tmp_path / "made")
    recipes = recipes_of(scale, "val")
    videos = davis.videos()
    assert [v.name for v in videos] == sorted(r.recipe.replace("/", "--") for r in recipes)
    info = davis.info(videos[-1], 1)
    assert info.category == "cat"
    assert info.captions[0].startswith('a "grey"')
    shown = davis.annotation(videos[0], 0)
    assert shown is not None
    assert set(np.unique(shown)) == {0, 1}


def test_there_is_one_video_per_clip_with_the_same_length(scale: Context, tmp_path: Path) -> None:
    import av

    export(scale, "val", tmp_path / "made", "mp4", 8)
    recipes = recipes_of(scale, "val")
    for kind in ("Inputs", "Annotations", "AmodalAnnotations", "Occluders", "Targets"):
        found = sorted((tmp_path / "made" / kind).glob("*.mp4"))
        assert len(found) == len(recipes)
    path = tmp_path / "made" / "Targets" / f"{recipes[0].recipe.replace('/', '--')}.mp4"
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        assert stream.average_rate == 24
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == recipes[0].frames
    # The background stays white.
    outside = masks(int(recipes[0].target.split("/")[1][1:]))[recipes[0].start] == 0
    assert frames[0][outside].mean() > 235
    assert not (tmp_path / "made" / "objects.json").exists()


def test_the_same_export_has_the_same_bytes_and_replaces_an_earlier_one(scale: Context, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    export(scale, "val", one, "davis", 8)
    export(scale, "train", two, "davis", 8)
    (two / "left over").write_text("x")
    export(scale, "val", two, "davis", 8)
    assert files(one) == files(two)
    said = json.loads((one / "export.json").read_text())
    assert (said["format"], said["split"], said["kind"]) == ("tgvac-export-2", "val", "davis")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one", "two"]


def test_an_interrupted_export_leaves_the_earlier_one_and_nothing_else(
    scale: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "made"
    export(scale, "val", out, "davis", 8)
    before = files(out)

    def fails(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_write_csv", fails)
    with pytest.raises(OSError, match="No space left"):
        export(scale, "train", out, "davis", 8)
    assert files(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["made"]


def test_other_files_are_never_overwritten(scale: Context, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    export(scale, "val", mine, "davis", 8)  # an empty folder is allowed
    for name, text in (("thesis.tex", "x"), ("export.json", '{"format": "other"}'), ("export.json", "no json")):
        other = tmp_path / "other"
        other.mkdir(exist_ok=True)
        (other / name).write_text(text)
        with pytest.raises(BadInput, match="has other files in it; give a folder that is new"):
            export(scale, "val", other, "davis", 8)
        assert (other / name).read_text() == text
    with pytest.raises(BadInput, match=r"thesis\.tex is a file; give a folder"):
        export(scale, "val", tmp_path / "other" / "thesis.tex", "davis", 8)


def test_the_command_writes_a_scales_videos_and_says_where(
    scale: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy_params(tmp_path)
    overlay(tmp_path, "extends: smoke\n", "t")
    (tmp_path / "results").symlink_to(scale.root / "results")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["export", "--scale", "t", "--split", "val", "--out", "made", "--format", "davis"])
    assert ended.value.code == 0
    count = len(recipes_of(scale, "val"))
    assert f"{count} videos of the split 'val' are in made" in capsys.readouterr().out
    assert len(list((tmp_path / "made/Targets/480p").iterdir())) == count
    with pytest.raises(SystemExit) as ended:
        main(["export", "--scale", "t", "--out", "."])
    assert ended.value.code == 2
    assert "has other files in it" in capsys.readouterr().err


def test_unknown_words_and_empty_splits_are_refused(scale: Context, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="Split 'vall' is unknown; did you mean 'val'"):
        export(scale, "vall", tmp_path / "made", "davis", 8)
    with pytest.raises(BadInput, match="Format 'mp3' is unknown; did you mean 'mp4'"):
        export(scale, "val", tmp_path / "made", "mp3", 8)
    project(tmp_path / "bare", 10)
    synthesise(tmp_path / "bare", 1, params(split={"by": "video", "seed": 1, "val": 0.3, "dev": 0.0, "min_videos": 2}))
    bare = Context(tmp_path / "bare", "t", "export", "")
    with pytest.raises(BadInput, match="Scale 't' has no synthesised video in the split 'dev'; choose another"):
        export(bare, "dev", tmp_path / "made", "davis", 8)
    assert not (tmp_path / "made").exists()


def test_inputs_and_truth_are_lossless_and_never_in_one_folder(scale: Context, tmp_path: Path) -> None:
    for kind in ("inputs", "truth"):
        export(scale, "val", tmp_path / kind, kind, 8)
    clips = recipe_clips(scale, "val")
    first = clips.samples()[0]
    clip = clips.render(first)
    assert {p.split("/")[1] for p in files(tmp_path / "inputs") if "/" in p} == {"frames", "visible", "text.txt"}
    assert sorted(p for p in files(tmp_path / "inputs") if "/" not in p) == ["export.json"]
    with track_opener(scale)(clips.recipe(first).target) as track:
        originals = [track.frame(i) for i in clips.recipe(first).target_indices()]
    for i in range(clips.length(first)):
        given, truth = (tmp_path / kind / first.replace("/", "--") for kind in ("inputs", "truth"))
        for path, image in (
            (given / "frames", clip.frames_FHW3[i]),
            (truth / "target", clip.whole_FHW3[i]),
            (truth / "original", originals[i]),
        ):
            assert np.array_equal(decode_rgb((path / f"{i:05d}.png").read_bytes(), "it"), image)
        for path, mask in (
            (given / "visible", clip.visible_FHW[i]),
            (truth / "amodal", clip.amodal_FHW[i]),
            (truth / "occluder", clip.occluder_FHW[i]),
        ):
            assert np.array_equal(decode_mask((path / f"{i:05d}.png").read_bytes(), "it"), mask)
    shown = clip.occluder_FHW[0] == 0
    assert np.array_equal(originals[0][shown], clip.frames_FHW3[0][shown])
    assert not np.array_equal(originals[0], clip.frames_FHW3[0])
    silent = min(r.target for r in recipes_of(scale, "val"))
    for sample in clips.samples():
        track = clips.recipe(sample).target
        text = (tmp_path / "inputs" / sample.replace("/", "--") / "text.txt").read_text()
        assert text == ("" if track == silent else f'a "grey", {track}\n')


def test_only_the_wanted_samples_and_frames_are_written(scale: Context, tmp_path: Path) -> None:
    first, *_ = recipe_clips(scale, "val").samples()
    assert export(scale, "val", tmp_path / "made", "inputs", 8, {first: 2}) == 1
    assert sum(p.endswith(".png") for p in files(tmp_path / "made")) == 4
    assert read_export(tmp_path / "made" / "export.json").samples[first].frames == 2
    with pytest.raises(BadInput, match="no synthesised video that is evaluated in the split 'train'"):
        export(scale, "train", tmp_path / "made", "inputs", 8, {first: 2})


def test_the_record_of_an_export_knows_its_clips_by_their_pixels(scale: Context, tmp_path: Path) -> None:
    export(scale, "val", tmp_path / "made", "inputs", 8)
    record = read_export(tmp_path / "made" / "export.json")
    clips = recipe_clips(scale, "val")
    assert set(record.samples) == set(clips.samples())
    first = clips.samples()[0]
    clip = clips.render(first)
    record.check(first, clip.frames_FHW3, clip.visible_FHW)
    record.check(first, clip.frames_FHW3[:3], clip.visible_FHW[:3])
    changed_FHW3 = clip.frames_FHW3.copy()
    changed_FHW3[2, 0, 0, 0] ^= 1
    with pytest.raises(BadInput, match=f"'{first}' has changed since it was exported"):
        record.check(first, changed_FHW3, clip.visible_FHW)
    with pytest.raises(BadInput, match="has changed"):
        record.check(first, clip.frames_FHW3, ~clip.visible_FHW)
    longer_FHW3, longer_FHW = (np.concatenate([x, x[:1]]) for x in (clip.frames_FHW3, clip.visible_FHW))
    with pytest.raises(BadInput, match=r"frames were exported, but \d+ are evaluated; export and complete it again"):
        record.check(first, longer_FHW3, longer_FHW)


@pytest.mark.parametrize("text", ["{}", "no json", '{"format": "tgvac-export-1", "scale": "t"}'])
def test_a_record_of_another_format_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text(text)
    with pytest.raises(BadInput, match="is no record of format tgvac-export-2"):
        read_export(tmp_path / "export.json")
    with pytest.raises(BadInput, match="does not exist; copy it from the folder that `tgvac export` wrote"):
        read_export(tmp_path / "other.json")
