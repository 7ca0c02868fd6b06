"""``tgvac complete-export``: each sample of an export, completed by one method."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.unit.external_sets import FRAMES, HEIGHT, VIDEOS, WIDTH, drawn, png, put, write_tabe51
from tgvac.clips.completion import Completions
from tgvac.clips.export_record import read_export
from tgvac.clips.images import decode_rgb
from tgvac.clips.outputs import Outputs
from tgvac.complete import export as module
from tgvac.complete.command import Options
from tgvac.complete.export import Completed, complete_export
from tgvac.errors import BadInput
from tgvac.external.export import export_inputs
from tgvac.external.truth import ExternalClips

ROOT = Path(__file__).resolve().parents[2]
SOME = VIDEOS[:3]


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = write_tabe51(tmp_path / "TABE-51", SOME)
    export_inputs(ExternalClips("tabe51", folder), folder, tmp_path / "inputs", {"tabe51/ant": "an ant"})
    return tmp_path / "inputs"


def run(inputs: Path, method: str = "copy_visible", **options: object) -> Completed:
    given = Options(video="", method=method, **options)  # type: ignore[arg-type]
    return complete_export(ROOT, inputs, inputs.parent / "outputs", given, "cpu")


def test_each_sample_is_completed_as_the_evaluation_reads_it(inputs: Path) -> None:
    assert run(inputs) == Completed(len(SOME), {})
    out = inputs.parent / "outputs"
    assert sorted(path.name for path in out.iterdir()) == [
        *("export.json", "left_out.csv"),
        *(f"tabe51--{video}" for video in SOME),
    ]
    assert read_export(out / "export.json") == read_export(inputs / "export.json")
    outputs = Outputs(out)
    assert outputs.unknown([f"tabe51/{video}" for video in SOME]) == {}
    meta = Completions(out).meta("tabe51--bee")
    assert (meta.sample, meta.method, meta.frames, meta.height) == ("tabe51/bee", "copy_visible", FRAMES, HEIGHT)
    for video in SOME:
        done = outputs.read(f"tabe51/{video}", FRAMES, FRAMES, HEIGHT, WIDTH)
        for i in range(FRAMES):
            seen_HW = drawn(video, i).visible_HW
            assert np.array_equal(done.amodal_FHW[i], seen_HW), "what is seen is neither cut nor enlarged"
            frame_HW3 = decode_rgb((inputs / f"tabe51--{video}" / "frames" / f"{i:05d}.png").read_bytes(), "")
            assert np.array_equal(done.rgb_FHW3[i][seen_HW > 0], frame_HW3[seen_HW > 0])
            assert (done.rgb_FHW3[i][seen_HW == 0] == 255).all()


def test_a_stopped_run_goes_on_and_nothing_is_made_twice(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    real = module.compose

    def compose(*rest: object, **options: object) -> object:
        made.append("")
        if len(made) == FRAMES + 2:
            raise KeyboardInterrupt
        return real(*rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "compose", compose)
    with pytest.raises(KeyboardInterrupt):
        run(inputs)
    out = inputs.parent / "outputs"
    assert not (out / "export.json").exists(), "a part is not taken for the whole"
    assert sorted(path.name for path in out.iterdir()) == ["tabe51--ant"]
    run(inputs)
    assert len(made) == FRAMES + 2 + 2 * FRAMES
    run(inputs)
    assert len(made) == FRAMES + 2 + 2 * FRAMES, "nothing is made twice"


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_completions_of_another_method_option_or_export_are_refused_and_left_as_they_are(inputs: Path) -> None:
    run(inputs)
    out = inputs.parent / "outputs"
    before = files(out)
    with pytest.raises(BadInput, match="made with --method copy_visible, not with --method white; give another fold"):
        run(inputs, "white")
    with pytest.raises(BadInput, match="made with --seed 0, not with --seed 1"):
        run(inputs, seed=1)
    record = json.loads((inputs / "export.json").read_text())
    some = {name: said for name, said in record["samples"].items() if name != "tabe51/bee"}
    (inputs / "export.json").write_text(json.dumps(record | {"samples": some}))
    with pytest.raises(BadInput, match=r"has completions that are not of samples of .*, such as tabe51--bee \(1 in"):
        run(inputs)
    (inputs / "export.json").write_text(json.dumps(record | {"scale": "tiny", "split": "val"}))
    with pytest.raises(BadInput, match="made with an export of external/tabe51, not with an export of tiny val"):
        run(inputs)
    assert files(out) == before
    shutil.rmtree(out)
    run(inputs, "white")
    assert Completions(out).meta("tabe51--bee").method == "white", "a folder that the user removed says nothing"


def test_an_export_that_has_grown_completes_what_is_new_and_is_recorded_at_the_end(
    inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (inputs / "export.json").read_text()
    record = json.loads(whole)
    some = {name: said for name, said in record["samples"].items() if name != "tabe51/bee"}
    (inputs / "export.json").write_text(json.dumps(record | {"samples": some}))
    run(inputs)
    out = inputs.parent / "outputs"
    (inputs / "export.json").write_text(whole)
    with monkeypatch.context() as patched:

        def compose(*rest: object, **options: object) -> object:
            raise KeyboardInterrupt

        patched.setattr(module, "compose", compose)
        with pytest.raises(KeyboardInterrupt):
            run(inputs)
    assert sorted(read_export(out / "export.json").samples) == sorted(some), "the earlier record stays until the end"
    assert run(inputs).samples == len(SOME)
    assert read_export(out / "export.json") == read_export(inputs / "export.json")


def test_a_sample_whose_files_are_not_all_there_is_completed_again(inputs: Path) -> None:
    run(inputs)
    out = inputs.parent / "outputs"
    before = files(out)
    (out / "tabe51--ant" / "rgba" / "00001.png").unlink()
    (out / "tabe51--bee" / "amodal" / "00002.png").write_bytes(b"cut")
    (out / "tabe51--cat" / "rgba" / "00009.png").write_bytes(b"one more")
    run(inputs)
    assert files(out) == before


def test_a_completion_whose_input_is_missing_for_a_while_is_not_lost(
    inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(inputs)
    out = inputs.parent / "outputs"
    before = files(out)
    (inputs / "tabe51--bee").rename(inputs.parent / "away")
    assert sorted(run(inputs).left_out) == ["tabe51/bee"]
    assert not (out / "tabe51--bee").exists()
    (inputs.parent / "away").rename(inputs / "tabe51--bee")
    monkeypatch.setattr(module, "compose", None)
    run(inputs)
    assert files(out) == before


def test_one_bad_sample_costs_the_others_nothing(inputs: Path) -> None:
    put(inputs / "tabe51--bee" / "frames" / "00001.png", b"no picture")
    (inputs / "tabe51--cat" / "visible" / "00002.png").unlink()
    made = run(inputs)
    assert made.samples == 1
    assert made.left_out["tabe51/bee"].startswith("tabe51--bee/frames/00001.png is not a readable image")
    assert made.left_out["tabe51/cat"].startswith("tabe51--cat/visible/00002.png cannot be read")
    assert all("\n" not in said for said in made.left_out.values())
    put(inputs / "tabe51--bee" / "frames" / "00001.png", png(drawn("bee", 0).frame_HW3))
    made = run(inputs)
    assert made.left_out["tabe51/bee"] == "Frame 1 of 'tabe51/bee' is not as it was exported; export it again."


def test_exports_that_cannot_be_completed_are_refused(inputs: Path) -> None:
    record = json.loads((inputs / "export.json").read_text())
    (inputs / "export.json").write_text(json.dumps(record | {"kind": "truth"}))
    with pytest.raises(BadInput, match="is an export of the kind 'truth'; make one with --format inputs"):
        run(inputs)
    sample = record["samples"]["tabe51/ant"] | {"name": "../other"}
    (inputs / "export.json").write_text(json.dumps(record | {"samples": {"tabe51/ant": sample}}))
    with pytest.raises(BadInput, match=r"has the folder '\.\./other' for 'tabe51/ant'"):
        run(inputs)
    (inputs / "export.json").write_text(json.dumps(record))
    with pytest.raises(BadInput, match="is the export itself"):
        complete_export(ROOT, inputs, inputs, Options(video="", method="copy_visible"), "cpu")
    with pytest.raises(BadInput, match="Device 'foo' is unknown"):
        complete_export(ROOT, inputs, inputs.parent / "outputs", Options(video="", method="copy_visible"), "foo")
    with pytest.raises(BadInput, match="--method truth cannot complete"):
        run(inputs, "truth")
    shutil.rmtree(inputs)
    with pytest.raises(BadInput, match=r"has no export\.json, so it is no export; run `tgvac export --truth"):
        run(inputs)


def test_our_model_completes_an_export_with_its_sentences(inputs: Path) -> None:
    for video in SOME[1:]:
        shutil.rmtree(inputs / f"tabe51--{video}")
    made = run(inputs, "ours", steps=1)
    assert (made.samples, sorted(made.left_out)) == (1, [f"tabe51/{video}" for video in SOME[1:]])
    done = Outputs(inputs.parent / "outputs").read("tabe51/ant", FRAMES, FRAMES, HEIGHT, WIDTH)
    seen_FHW = np.stack([drawn("ant", i).visible_HW for i in range(FRAMES)])
    assert ((done.amodal_FHW & seen_FHW) == seen_FHW).all()
    (inputs / "tabe51--ant" / "text.txt").write_text("a clown")
    run(inputs, "ours", steps=1)
    other = Outputs(inputs.parent / "outputs").read("tabe51/ant", FRAMES, FRAMES, HEIGHT, WIDTH)
    assert not np.array_equal(done.rgb_FHW3, other.rgb_FHW3), "the text decides, too"
