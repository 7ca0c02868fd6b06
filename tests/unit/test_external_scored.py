"""``tgvac evaluate --truth``: outputs on a data set that comes with the truth, scored by what its truth has."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.external_sets import FRAMES, VIDEOS, drawn, jpeg, png, put, write_movi_mc_ac, write_tabe51
from tests.unit.params_project import ROOT, copy_params, overlay
from tests.unit.tiny_models import STANDIN
from tgvac.cli import main
from tgvac.clips.clip import Clip
from tgvac.clips.rows import Row, read_rows
from tgvac.errors import BadInput
from tgvac.evaluate import external_scoring
from tgvac.evaluate.command import Evaluated
from tgvac.evaluate.external import evaluate_external
from tgvac.external.export import export_inputs
from tgvac.external.truth import ExternalClips
from tgvac.models.small_networks import build_clip

SCALE = "extends: smoke\nframing: {size: 32}\nmetrics: {bootstrap: 50}\n"
Make = Callable[[Clip], tuple[np.ndarray, np.ndarray]]


@pytest.fixture(autouse=True)
def _unpinned() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a scale that scores by small networks, TABE-51 and its export."""
    root = copy_params(tmp_path)
    overlay(root, SCALE, "fake")
    shutil.copytree(ROOT / "reference", root / "reference")
    write_tabe51(root / "TABE-51")
    export(root, "tabe51", "TABE-51")
    return root


def export(root: Path, kind: str, folder: str) -> None:
    export_inputs(ExternalClips(kind, root / folder), root / folder, root / f"inputs-{kind}", {})


def whole(clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    return clip.whole_FHW3, clip.amodal_FHW


def seen(clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    return clip.frames_FHW3, clip.visible_FHW


def save(root: Path, name: str, make: Make, kind: str = "tabe51", folder: str = "TABE-51") -> Path:
    """Outputs of a program: colours and masks apart, and the record of the export."""
    truth = ExternalClips(kind, root / folder)
    for sample in truth.samples():
        rgb_FHW3, mask_FHW = make(truth.render(sample))
        for i, (rgb_HW3, mask_HW) in enumerate(zip(rgb_FHW3, mask_FHW, strict=True)):
            base = root / name / sample.replace("/", "--")
            put(base / "rgb" / f"{i:05d}.png", png(rgb_HW3))
            put(base / "amodal" / f"{i:05d}.png", png(mask_HW))
    shutil.copy(root / f"inputs-{kind}" / "export.json", root / name)
    return root / name


def run(root: Path, outputs: Path, name: str, truth: str = "tabe51:TABE-51", inputs: Path | None = None) -> Evaluated:
    kind, _, folder = truth.partition(":")
    return evaluate_external(root, "fake", f"{kind}:{root / folder}", outputs, name, inputs, None, "cpu")


def larger(video: str, frame: int) -> bytes:
    """A mask of the first frame that has that of another one, too."""
    return png(drawn(video, 0).amodal_HW | drawn(video, frame).amodal_HW)


def values(made: Evaluated, metric: str) -> list[float]:
    return [row.value for row in read_rows(made.out / "rows.parquet") if row.metric == metric]


def cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def test_a_device_that_is_not_there_is_refused_though_masks_need_none(project: Path) -> None:
    outputs = save(project, "outputs", whole)
    with pytest.raises(BadInput, match="Device 'foo' is unknown; give auto, cpu, cuda or cuda:0"):
        evaluate_external(project, "fake", f"tabe51:{project / 'TABE-51'}", outputs, "perfect", None, None, "foo")


def test_an_export_or_nothing_in_place_of_outputs_is_refused(project: Path) -> None:
    with pytest.raises(BadInput, match="inputs-tabe51 is an export, which methods are given; give the folder of what"):
        run(project, project / "inputs-tabe51", "mine")
    with pytest.raises(BadInput, match="nowhere does not exist; give the folder of the outputs, or a zip of it"):
        run(project, project / "nowhere", "mine")


def test_masks_alone_are_scored_by_what_their_truth_has(project: Path) -> None:
    made = run(project, save(project, "outputs", whole), "perfect")
    assert (made.scored, made.of, dict(made.left_out)) == (len(VIDEOS), len(VIDEOS), {})
    assert made.out == project / "results" / "external" / "tabe51" / "perfect"
    rows = read_rows(made.out / "rows.parquet")
    assert {row.metric for row in rows} == {"iou", "hidden_iou", "visible_psnr"}, "the truth has no hidden colours"
    assert {(row.scale, row.method, row.variant) for row in rows} == {("external/tabe51", "external", "perfect")}
    assert set(values(made, "iou")) == set(values(made, "hidden_iou")) == {1.0}
    assert set(values(made, "visible_psnr")) == {60.0}
    partly = run(project, save(project, "partly", seen), "partly")
    expected = [
        np.count_nonzero(drawn(video, i).visible_HW) / np.count_nonzero(drawn(video, i).amodal_HW)
        for video in VIDEOS
        for i in range(FRAMES)
    ]
    assert values(partly, "iou") == pytest.approx(expected)
    assert set(values(partly, "hidden_iou")) == {0.0}
    rates = [row.rate for row in rows if row.metric == "iou"]
    assert rates == pytest.approx([1 - e for e in expected])


def test_all_methods_that_were_scored_are_in_one_table_with_paired_differences(project: Path) -> None:
    run(project, save(project, "outputs", whole), "perfect")
    made = run(project, save(project, "partly", seen), "copy_visible")
    head, *rows = cells(made.out / "tables" / "masks.csv")
    assert [row[1] for row in rows] == ["perfect", "copy_visible", "Frames (source videos)"]
    assert rows[0][head.index("All frames: Amodal IoU↑")] == "1.000 [1.000, 1.000]"
    assert rows[2][head.index("All frames: Amodal IoU↑")] == f"{FRAMES * len(VIDEOS)} ({len(VIDEOS)})"
    head, row = cells(made.out / "tables" / "masks_against.csv")
    assert (head[0], row[0]) == ("copy_visible minus", "perfect")
    assert row[head.index("All frames: Hidden IoU↑")] == "-1.000 [-1.000, -1.000]"
    assert "not their colours" in (made.out / "tables" / "masks.md").read_text()
    assert not (made.out / "tables" / "colours.md").exists()
    estimates = cells(made.out / "tables" / "estimates.csv")
    assert {row[1] for row in estimates[1:]} == {"perfect", "copy_visible"}


def test_a_data_set_with_colours_has_all_metrics(project: Path) -> None:
    for part in build_clip(STANDIN, 600, 32, 0):
        part.save_pretrained(project / "standins" / "scoring_clip")
    write_movi_mc_ac(project / "MOVi", ("3f2a",), 1)
    export(project, "movi_mc_ac", "MOVi")
    made = run(project, save(project, "outputs", whole, "movi_mc_ac", "MOVi"), "perfect", "movi_mc_ac:MOVi")
    assert set(values(made, "hidden_psnr")) == {60.0}
    assert values(made, "clip") == pytest.approx([1.0] * 2 * FRAMES)
    assert values(made, "lpips") == pytest.approx([0.0] * 2 * FRAMES, abs=1e-6)
    dark = save(project, "dark", lambda clip: (clip.whole_FHW3 // 2, clip.amodal_FHW), "movi_mc_ac", "MOVi")
    worse = run(project, dark, "dark", "movi_mc_ac:MOVi")
    assert max(values(worse, "hidden_psnr")) < 30
    assert set(values(worse, "iou")) == {1.0}
    text = (worse.out / "tables" / "colours.md").read_text()
    assert "stand-in backbones" in text, "who scores is said"
    assert (worse.out / "tables" / "masks.md").is_file()


def test_a_network_that_scores_is_needed_where_colours_are_known_and_only_there(project: Path) -> None:
    write_movi_mc_ac(project / "MOVi", ("3f2a",), 1)
    export(project, "movi_mc_ac", "MOVi")
    outputs = save(project, "outputs", whole, "movi_mc_ac", "MOVi")
    with pytest.raises(BadInput, match="Scale 'fake' has no network that scores yet"):
        run(project, outputs, "perfect", "movi_mc_ac:MOVi")


def test_one_bad_sample_costs_the_others_nothing(project: Path) -> None:
    outputs = save(project, "outputs", whole)
    put(outputs / "tabe51--ant" / "rgb" / "00001.png", b"no picture")
    shutil.rmtree(outputs / "tabe51--bee")
    put(outputs / "tabe51--cat" / "amodal" / "00002.png", png(np.zeros((24, 32), np.uint8)))
    shutil.rmtree(project / "TABE-51" / "data" / "dog" / "gt_masks")
    shutil.rmtree(project / "TABE-51" / "data" / "eel")
    made = run(project, outputs, "perfect")
    assert (made.scored, made.of) == (1, len(VIDEOS))
    said = dict(made.left_out)
    assert said["tabe51/ant"].startswith("tabe51--ant/rgb/00001.png is not a readable image")
    assert said["tabe51/bee"] == "The outputs have no pictures of 'tabe51/bee'; complete that sample, too."
    assert said["tabe51/cat"].startswith("tabe51--cat/amodal/00002.png is 32x24, its input 64x48")
    assert said["tabe51/dog"].startswith("dog has gt_masks of 0 of 5 frames")
    assert said["tabe51/eel"].startswith("'tabe51/eel' is not in the data set")
    assert {row.sample for row in read_rows(made.out / "rows.parquet")} == {"tabe51/fox_1"}
    assert [row[0] for row in cells(made.out / "left_out.csv")[1:]] == sorted(said)
    assert str(project) not in (made.out / "left_out.csv").read_text()
    assert run(project, outputs, "perfect").left_out == made.left_out


def test_outputs_of_a_video_that_has_changed_are_left_out(project: Path) -> None:
    outputs = save(project, "outputs", whole)
    put(project / "TABE-51" / "data" / "ant" / "frames" / "00001.jpg", jpeg(drawn("bee", 1).frame_HW3))
    for part in ("frames", "gt_masks", "visible_masks"):
        sorted((project / "TABE-51" / "data" / "bee" / part).iterdir())[-1].unlink()
    made = run(project, outputs, "perfect")
    assert made.left_out == {
        "tabe51/ant": "'tabe51/ant' has changed since it was exported; export and complete it again.",
        "tabe51/bee": "'tabe51/bee' has 4 frames, but 5 when it was exported; export and complete it again.",
    }


def test_a_stopped_run_goes_on_and_changed_outputs_and_truth_are_scored_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs, scored = save(project, "outputs", whole), []
    real = external_scoring._rows

    def rows(truth: ExternalClips, sample: str, *rest: object) -> list[Row]:
        scored.append(sample.partition("/")[2])
        if len(scored) == 3:
            raise KeyboardInterrupt
        return real(truth, sample, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(external_scoring, "_rows", rows)
    with pytest.raises(KeyboardInterrupt):
        run(project, outputs, "stopped")
    run(project, outputs, "stopped")
    assert scored[3:] == list(VIDEOS[2:])
    put(outputs / "tabe51--bee" / "amodal" / "00002.png", png(drawn("bee", 2).visible_HW))
    put(project / "TABE-51" / "data" / "cat" / "gt_masks" / "00000.png", png(drawn("cat", 1).amodal_HW))
    scored.append("")
    run(project, outputs, "stopped")
    assert scored[7:] == ["", "bee", "cat"]


def test_numbers_of_another_truth_are_not_compared(project: Path) -> None:
    run(project, save(project, "outputs", whole), "before")
    put(project / "TABE-51" / "data" / "cat" / "gt_masks" / "00000.png", larger("cat", 1))
    made = run(project, save(project, "partly", seen), "after")
    assert "before has rows of 5 of the 6 samples." in made.lines
    for video in VIDEOS:
        put(project / "TABE-51" / "data" / video / "gt_masks" / "00000.png", larger(video, 2))
    made = run(project, save(project, "third", seen), "third")
    assert "before has no sample in common with these outputs, so it is left out." in made.lines
    assert [row[1] for row in cells(made.out / "tables" / "masks.csv")[1:]] == ["third", "Frames (source videos)"]


def test_outputs_of_other_exports_are_refused(project: Path) -> None:
    outputs = save(project, "outputs", whole)
    record = json.loads((outputs / "export.json").read_text())
    for changes, said in (
        ({"scale": "tiny"}, "made of an export of 'tiny', not of the data set 'tabe51'"),
        ({"scale": "external/movi_mc_ac"}, "not of the data set 'tabe51'; take what `tgvac export --truth tabe51:FOLD"),
        ({"kind": "truth"}, "is that of an export of the truth"),
    ):
        (outputs / "export.json").write_text(json.dumps(record | changes))
        with pytest.raises(BadInput, match=said):
            run(project, outputs, "perfect")
    (outputs / "export.json").unlink()
    with pytest.raises(BadInput, match=r"has no export\.json"):
        run(project, outputs, "perfect")
    assert run(project, outputs, "perfect", inputs=project / "inputs-tabe51").scored == len(VIDEOS)
    for name in ("Mine", "m" * 65):
        with pytest.raises(BadInput, match="--method-name"):
            run(project, outputs, name)


def test_outputs_of_which_none_can_be_scored_are_refused_with_the_first_reason(project: Path) -> None:
    outputs = save(project, "outputs", whole)
    for path in outputs.rglob("amodal/00000.png"):
        path.unlink()
    with pytest.raises(BadInput, match=r"can be scored, the first because of this: .*has no picture of number 0"):
        run(project, outputs, "perfect")
    assert not (project / "results" / "external" / "tabe51" / "perfect").exists()


def test_a_folder_with_other_files_is_not_replaced(project: Path) -> None:
    outputs = save(project, "outputs", whole)
    made = run(project, outputs, "perfect")
    run(project, outputs, "perfect")
    put(made.out / "notes.txt", b"")
    with pytest.raises(BadInput, match=r"has other files in it, too: notes\.txt"):
        run(project, outputs, "perfect")


def test_the_command_scores_a_data_set(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save(project, "outputs", whole)
    shutil.rmtree(project / "outputs" / "tabe51--bee")
    monkeypatch.chdir(project)
    options = ["--truth", "tabe51:TABE-51", "--outputs", "outputs", "--method-name", "perfect", "--scale", "fake"]
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *options])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "left out: The outputs have no pictures of 'tabe51/bee'" in said
    assert "Amodal IoU↑          1.000 [1.000, 1.000]" in said
    assert "scored 5 of 6 samples; look at" in said
    assert "perfect/tables/masks.html" in said
