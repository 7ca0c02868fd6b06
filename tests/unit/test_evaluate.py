"""``tgvac evaluate``: outputs that were made elsewhere have the rows that a method of the workflow would have."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.params_project import ROOT, overlay
from tests.unit.scored_project import EVALUATED, SAMPLES, SCALE, darker, exported, measure, save_outputs, scored_project
from tgvac.cli import main
from tgvac.clips.archive import zip_writing
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion
from tgvac.clips.images import on_white
from tgvac.clips.rows import Row, read_rows, write_rows
from tgvac.errors import BadInput
from tgvac.evaluate import command, scoring
from tgvac.evaluate.command import Evaluated, evaluate
from tgvac.stage import Context
from tgvac.synthesis.export import export


@pytest.fixture(autouse=True)
def _unpinned() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)


def visible(clip: Clip) -> Completion:
    return Completion(on_white(clip.frames_FHW3, clip.visible_FHW), clip.visible_FHW)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Context:
    """A scale in which ours is nearly the truth; tests must not change its data."""
    return scored_project(tmp_path_factory.mktemp("project"), {"ours/full": darker(4), "copy_visible/plain": visible})


@pytest.fixture(scope="module")
def inputs(project: Context, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(project, tmp_path_factory.mktemp("export") / "inputs")


@pytest.fixture
def outputs(project: Context, inputs: Path, tmp_path: Path) -> Path:
    """Somebody's outputs: the truth, far too dark, of all frames of each sample."""
    return save_outputs(project, tmp_path / "outputs", masked(60), inputs / "export.json")


def masked(level: int) -> Callable[[Clip], Completion]:
    def make(clip: Clip) -> Completion:
        done = darker(level)(clip)
        return Completion(on_white(done.rgb_FHW3, clip.amodal_FHW), clip.amodal_FHW)

    return make


def run(project: Context, outputs: Path, name: str = "theirs", inputs: Path | None = None) -> Evaluated:
    return evaluate(project.root, "fake", outputs, name, inputs, outputs.parent / "out", "cpu")


def values(rows: list[Row], metric: str) -> dict[tuple[str, int], float]:
    return {(row.sample, row.frame): row.value for row in rows if row.metric == metric}


def cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def test_outputs_have_the_rows_that_the_workflow_would_give_them(project: Context, outputs: Path) -> None:
    made = run(project, outputs)
    assert (made.scored, made.of, dict(made.left_out)) == (len(SAMPLES), len(SAMPLES), {})
    mine = read_rows(made.out / "rows.parquet")
    assert {(r.scale, r.method, r.variant, r.mask_source, r.train_seed) for r in mine} == {
        ("fake", "external", "theirs", "given", -1)
    }
    assert {r.frame for r in mine} == set(range(EVALUATED)), "later frames are not evaluated"
    measure(project, "mean_colour/plain", masked(60))
    other = project.results / "metrics" / "mean_colour"
    workflows = read_rows(other / "plain" / "seed0" / "shard-000.parquet")
    shutil.rmtree(other)
    for metric in ("clip", "lpips", "tc", "iou", "hidden_psnr"):
        assert values(mine, metric) == values(workflows, metric)
    assert len(mine) == len(workflows)


def test_tables_have_the_scales_methods_and_paired_differences_with_intervals(project: Context, outputs: Path) -> None:
    tables = run(project, outputs).out / "tables"
    labels = [row[1] for row in cells(tables / "table2.csv") if row[0] == "Measured here"]
    assert labels[:3] == ["Ours", "Copy the visible part (trivial baseline)", "Made elsewhere, theirs"]
    head, *against = cells(tables / "against.csv")
    assert head[0] == "Made elsewhere, theirs minus"
    assert [row[0] for row in against] == ["Ours", "Copy the visible part (trivial baseline)"]
    psnr = head.index("All frames: Hidden PSNR↑ (dB)")
    # 60 levels too dark are worse than 4, on each of seven videos; a white picture is worse still on a noisy object.
    assert against[0][psnr].startswith("-")
    assert "✗" not in against[0][psnr], "seven source videos are too few for a mark"
    (_, *ours) = cells(tables / "differences.csv")
    assert [row[0] for row in ours] == ["Copy the visible part (trivial baseline)", "Made elsewhere, theirs"]
    assert ours[1][psnr].startswith("+")
    names = {row[1] for row in cells(tables / "estimates.csv")[1:]}
    assert names == {"full", "plain", "theirs"}
    listed = {e["id"] for e in json.loads((tables.parent / "index.json").read_text())["entries"]}
    assert {"rows.parquet", "left_out.csv", "tables/table2.html", "tables/against.md"} < listed


def test_a_missing_sample_is_listed_and_the_comparison_is_over_the_common_ones(
    project: Context, inputs: Path, tmp_path: Path
) -> None:
    outputs = save_outputs(project, tmp_path / "outputs", masked(60), inputs / "export.json", SAMPLES[1:])
    made = run(project, outputs)
    assert (made.scored, made.of) == (6, 7)
    assert list(made.left_out) == [SAMPLES[0]]
    assert cells(made.out / "left_out.csv")[1][0] == SAMPLES[0]
    text = (made.out / "tables" / "table2.md").read_text(encoding="utf-8")
    assert "All numbers are of the 6 samples that Made elsewhere, theirs has; the scale evaluates 7." in text
    counts = next(row for row in cells(made.out / "tables" / "table2.csv") if row[1] == "Frames (source videos)")
    assert "7" not in {cell.partition("(")[2].rstrip(")") for cell in counts[2:]}


def test_one_bad_sample_costs_the_others_nothing(project: Context, outputs: Path) -> None:
    (outputs / "world--bee--1--r0" / "00001.png").write_bytes(b"no picture")
    shutil.rmtree(outputs / "world--cat--1--r0")
    (outputs / "world--dog--1--r0").rename(outputs / "world--dogg--1--r0")
    made = run(project, outputs)
    assert made.scored == 4
    assert made.left_out["world/bee/1/r0"] == (
        "world--bee--1--r0/00001.png is not a readable image (cannot identify image file); replace it with"
        " an intact copy."
    )
    assert "have no pictures of 'world/cat/1/r0'" in made.left_out["world/cat/1/r0"]
    assert "is no sample; did you mean 'world--dog--1--r0'?" in made.left_out["world--dogg--1--r0"]
    assert all("\n" not in said for said in made.left_out.values())
    again = run(project, outputs)
    assert again.left_out == made.left_out, "a run that finds the work done says the same"
    moved = run(project, outputs.rename(outputs.with_name("moved")))
    assert moved.left_out == made.left_out, "reasons do not depend on where the outputs are"
    assert str(outputs.parent) not in (made.out / "left_out.csv").read_text(encoding="utf-8")


def test_a_damaged_member_of_a_zip_costs_the_others_nothing(project: Context, outputs: Path) -> None:
    path, name = outputs.parent / "outputs.zip", "world--bee--1--r0/00001.png"
    pack(outputs, path)
    damage(path, name)
    made = run(project, path)
    assert made.scored == len(SAMPLES) - 1
    assert list(made.left_out) == ["world/bee/1/r0"]
    assert f"{name} cannot be read (Bad CRC-32" in made.left_out["world/bee/1/r0"]
    assert run(project, path).left_out == made.left_out
    pack(outputs, path)
    assert run(project, path).scored == len(SAMPLES), "an intact copy is scored"


def test_the_record_of_the_export_may_be_in_the_zip(project: Context, outputs: Path) -> None:
    path = outputs.parent / "outputs.zip"
    pack(outputs, path)
    assert run(project, path).scored == len(SAMPLES)
    (outputs / "export.json").write_text("{}")
    pack(outputs, path)
    with pytest.raises(BadInput, match=r"export\.json of .*outputs\.zip is no record of format tgvac-export-2"):
        run(project, path)


def pack(folder: Path, path: Path) -> None:
    """A stored zip of a folder's files."""
    with zip_writing(path) as sink:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            sink.add(file.relative_to(folder).as_posix(), file.read_bytes())


def damage(path: Path, name: str) -> None:
    """Change a byte of a member of a stored zip."""
    with zipfile.ZipFile(path) as archive:
        content = archive.read(name)
    data = bytearray(path.read_bytes())
    data[data.index(content) + len(content) // 2] ^= 1
    path.write_bytes(data)


def test_a_stopped_run_goes_on_and_changed_outputs_are_scored_again(
    project: Context, outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = scoring.completed

    def completed(outputs_: scoring.Outputs, record: scoring.ExportRecord, clip: Clip) -> Completion:
        seen.append(clip.sample)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return real(outputs_, record, clip)

    monkeypatch.setattr(scoring, "completed", completed)
    with pytest.raises(KeyboardInterrupt):
        run(project, outputs, "stopped")
    made = run(project, outputs, "stopped")
    assert seen[3:] == list(SAMPLES[2:])
    first = values(read_rows(made.out / "rows.parquet"), "hidden_psnr")
    image = outputs / "world--ant--1--r0" / "00000.png"
    shutil.copy(outputs / "world--ant--1--r0" / "00001.png", image)
    seen.append("")
    again = values(read_rows(run(project, outputs, "stopped").out / "rows.parquet"), "hidden_psnr")
    assert seen[8:] == ["", SAMPLES[0]]
    assert {key for key in first if first[key] != again[key]} == {(SAMPLES[0], 0)}


def test_outputs_of_other_clips_are_refused(project: Context, outputs: Path) -> None:
    record = json.loads((outputs / "export.json").read_text())
    record["samples"][SAMPLES[3]]["digest"] = "0" * 32
    (outputs / "export.json").write_text(json.dumps(record))
    with pytest.raises(BadInput, match="made of other clips: 'world/dog/1/r0' has changed since it was exported"):
        run(project, outputs, "others")
    assert not (outputs.parent / "out").exists()


def test_the_record_of_the_export_may_be_named_apart(project: Context, outputs: Path, inputs: Path) -> None:
    (outputs / "export.json").unlink()
    with pytest.raises(
        BadInput, match=r"has no export\.json, which says of which clips .* copy .* or name that folder"
    ):
        run(project, outputs)
    assert run(project, outputs, inputs=inputs).scored == len(SAMPLES)
    assert run(project, outputs, inputs=inputs / "export.json").scored == len(SAMPLES)


def test_outputs_of_the_truth_are_refused(project: Context, outputs: Path, tmp_path: Path) -> None:
    export(project, "val", tmp_path / "truth", "truth", 8)
    with pytest.raises(BadInput, match=r"is that of an export of the truth, which no method may read; take that of"):
        run(project, outputs, inputs=tmp_path / "truth")
    shutil.copy(tmp_path / "truth" / "export.json", outputs)
    with pytest.raises(BadInput, match="is that of an export of the truth"):
        run(project, outputs)


def test_a_sample_that_was_not_exported_is_left_out(project: Context, outputs: Path) -> None:
    record = json.loads((outputs / "export.json").read_text())
    del record["samples"][SAMPLES[2]]
    (outputs / "export.json").write_text(json.dumps(record))
    made = run(project, outputs)
    assert dict(made.left_out) == {
        SAMPLES[2]: f"'{SAMPLES[2]}' is not in the export; export again, and complete that sample, too."
    }


def test_nothing_to_score_is_refused(project: Context, outputs: Path) -> None:
    for folder in outputs.iterdir():
        if folder.is_dir():
            (folder / "00001.png").unlink()
    with pytest.raises(BadInput, match=r"No sample of .* can be scored, the first because of this: .* number 1"):
        run(project, outputs)
    for folder in [f for f in outputs.iterdir() if f.is_dir()]:
        folder.rename(folder.with_name(f"my-{folder.name}"))
    with pytest.raises(BadInput, match=r"none of the 7 samples that scale 'fake' evaluates, such as world/ant/1/r0,"):
        run(project, outputs)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a/b", "'--method-name a/b' is no name; write it in lower case, digits and underscores"),
        ("Lama", "is no name"),
        ("", "is no name"),
        ("a" * 300, f"'--method-name {'a' * 20}…' has 300 letters; take at most 64, since files are named so."),
        ("temporal_copy", "Scale 'fake' has a method called 'temporal_copy' already"),
        ("mine", "Scale 'fake' has a method called 'mine' already"),
    ],
)
def test_names_that_are_taken_or_no_names_are_refused(name: str, message: str, project: Context, outputs: Path) -> None:
    overlay(project.root, f"{SCALE}\nmethods: {{external/mine: {{outputs: {outputs.as_posix()}}}}}\n", "fake")
    try:
        with pytest.raises(BadInput) as caught:
            run(project, outputs, name)
    finally:
        overlay(project.root, SCALE, "fake")
    assert message in str(caught.value)


def test_other_files_are_never_overwritten(project: Context, outputs: Path) -> None:
    out = outputs.parent / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("x")
    with pytest.raises(BadInput, match="has other files in it; give a folder that is new, empty, or an earlier"):
        run(project, outputs)
    assert [p.name for p in out.iterdir()] == ["thesis.tex"]
    # Many programs write an index.json.
    (out / "index.json").write_text("{}")
    with pytest.raises(BadInput, match="has other files in it; give a folder that is new, empty, or an earlier"):
        run(project, outputs)
    assert (out / "thesis.tex").read_text() == "x"


def test_an_earlier_evaluation_is_replaced_unless_somebody_put_files_into_it(project: Context, outputs: Path) -> None:
    made = run(project, outputs)
    mark = json.loads((made.out / "evaluation.json").read_text())
    assert mark == {"format": "tgvac-evaluation-1", "scale": "fake", "method": "theirs"}
    first = (made.out / "rows.parquet").stat().st_ino
    run(project, outputs)
    assert (made.out / "rows.parquet").stat().st_ino != first
    assert sorted(p.name for p in outputs.parent.iterdir()) == ["out", "outputs"]
    (made.out / "tables" / "notes.txt").write_text("x")
    with pytest.raises(BadInput, match=r"has other files in it, too: tables/notes\.txt; move them, or give another"):
        run(project, outputs)
    assert (made.out / "tables" / "notes.txt").read_text() == "x"


def test_files_that_come_while_scoring_are_not_deleted(
    project: Context, outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, out = command.score, outputs.parent / "out"

    def score(*arguments: Any) -> scoring.Scored:
        out.mkdir()
        (out / "thesis.tex").write_text("x")
        return real(*arguments)

    monkeypatch.setattr(command, "score", score)
    with pytest.raises(BadInput, match="has other files in it"):
        run(project, outputs)
    assert [p.name for p in out.iterdir()] == ["thesis.tex"]


def test_a_method_that_was_measured_on_other_clips_is_left_out(project: Context, outputs: Path) -> None:
    path = project.results / "metrics" / "rows.parquet"
    kept = path.read_bytes()
    try:
        rows = read_rows(path)
        write_rows(path, [replace(r, rate=r.rate / 2) if r.method == "copy_visible" else r for r in rows])
        made = run(project, outputs)
    finally:
        path.write_bytes(kept)
    assert "copy_visible/plain was measured on other clips, so it is left out; run the scale again." in made.lines
    assert [row[0] for row in cells(made.out / "tables" / "against.csv")[1:]] == ["Ours"]


def test_samples_that_are_not_evaluated_are_said_and_not_scored(
    project: Context, outputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "evaluated_frames", lambda ctx, evaluation: dict.fromkeys(SAMPLES[:2], 2))
    made = run(project, outputs)
    assert (made.scored, made.of, dict(made.left_out)) == (2, 2, {})
    assert f"5 more samples of {outputs} are not evaluated at this scale, so they are not scored." in made.lines
    assert {row.frame for row in read_rows(made.out / "rows.parquet")} == {0, 1}


def test_a_scale_without_rows_gives_a_table_of_the_outputs_alone(tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    bare = scored_project(tmp_path / "bare", {})
    outputs = save_outputs(bare, tmp_path / "outputs", masked(60), exported(bare, tmp_path / "inputs") / "export.json")
    network = bare.results / "backbones" / "scoring_clip"
    network.rename(network.with_name("hidden"))
    with pytest.raises(BadInput, match="Scale 'fake' has no network that scores yet; run `tgvac run --scale fake"):
        run(bare, outputs)
    network.with_name("hidden").rename(network)
    (bare.results / "synthesis").rename(bare.results / "hidden")
    with pytest.raises(BadInput, match="Scale 'fake' has no clips yet; run `tgvac run --scale fake --target metrics`"):
        run(bare, outputs)
    (bare.results / "hidden").rename(bare.results / "synthesis")
    made = run(bare, outputs)
    assert not (made.out / "tables" / "against.csv").exists()
    assert made.scored == len(SAMPLES)


def test_the_command_prints_what_was_left_out_and_where_to_look(
    project: Context, outputs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(outputs / "world--cat--1--r0")
    monkeypatch.chdir(project.root)
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "--outputs", str(outputs), "--method-name", "theirs", "--scale", "fake"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "left out: " in said
    assert "scored 6 of 7 samples; look at " in said
    assert (project.results / "evaluate" / "theirs" / "tables" / "table2.html").is_file()
    assert any(line.startswith("Hidden PSNR") and "ours minus it +" in line for line in said.splitlines())


def test_the_example_of_the_docs_is_a_method_of_forty_lines_that_can_be_scored(
    project: Context, inputs: Path, tmp_path: Path
) -> None:
    script = ROOT / "examples" / "inpaint_hull.py"
    text = script.read_text(encoding="utf-8")
    assert f"```python\n{text}```" in (ROOT / "docs" / "evaluate.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40
    outputs = tmp_path / "outputs"
    done = subprocess.run([sys.executable, str(script), str(inputs), str(outputs)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    made = run(project, outputs, "inpaint_hull")
    assert (made.scored, dict(made.left_out)) == (len(SAMPLES), {})
    iou = values(read_rows(made.out / "rows.parquet"), "iou")
    # The object is a square of ten columns that moves one a frame out from behind three, so the hull lacks 3, 2 and 1.
    assert iou == {(s, i): pytest.approx(0.7 + 0.1 * i) for s in SAMPLES for i in range(EVALUATED)}
