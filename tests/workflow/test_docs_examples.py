"""The worked examples of docs/extend.md work as they stand there: a scale, a baseline, a metric and a source."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.unit.doc_examples import project_with
from tgvac.clips.completion import Completions
from tgvac.clips.rows import read_rows

pytestmark = pytest.mark.workflow
Run = Callable[..., str]
_BACKGROUNDS = {"cat": "navy", "dog": "teal", "eel": "maroon"}
"""Videos of equal frames would be one video, and all but one left out."""


def run_in(project: Path) -> Run:
    """Runs Python modules with the code of a project; what they print is returned."""
    environment = {**os.environ, "PYTHONPATH": str(project / "src"), "OMP_NUM_THREADS": "1"}

    def run(*words: str) -> str:
        command = [sys.executable, "-m", *words]
        done = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=900
        )
        assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory, smoke: Path) -> Path:
    """A project with the scale, the baseline and the metric, and with smoke's data set as the scale's own."""
    project = project_with(tmp_path_factory.mktemp("extended") / "project", "A scale", "A baseline", "A metric")
    for phase in ("sources", "tracks", "masks", "select", "synthesis", "captions", "backbones"):
        shutil.copytree(smoke / "results" / "smoke" / phase, project / "results" / "mine" / phase)
    return project


def test_the_scale_has_its_own_keys_and_method_and_is_planned(extended: Path) -> None:
    run = run_in(extended)
    params = run("tgvac", "params", "--scale", "mine")
    assert "stride: 2" in params.partition("sampler:")[2].partition("study:")[0]
    assert "ours/hop7" in params
    assert "completion" in run("tgvac", "plan", "--scale", "mine")
    graph = run("snakemake", "-n", "--quiet", "rules", "-c1", "all", "--config", "scale=mine")
    assert "nothing" not in graph.lower()


def test_the_baseline_lays_its_best_view_over_hidden_pixels_and_the_metric_has_rows_of_it(extended: Path) -> None:
    run = run_in(extended)
    options = ("--scale", "mine", "--method", "best_view", "--variant", "plain", "--shard", "0")
    run("tgvac", "stage", "completion", *options)
    folder = extended / "results" / "mine"
    made = Completions(folder / "completion" / "best_view" / "plain" / "seed0" / "shard-000.zip")
    assert made.samples()
    masks = [made.read(sample).amodal_FHW for sample in made.samples()]
    assert all(set(np.unique(mask_FHW)) <= {0, 255} for mask_FHW in masks)

    run("tgvac", "stage", "metrics", *options)
    rows = read_rows(folder / "metrics" / "best_view" / "plain" / "seed0" / "shard-000.parquet")
    colours = [row.value for row in rows if row.metric == "hidden_colour"]
    assert colours
    assert all(0 <= value <= 1 for value in colours)


def test_the_metric_is_a_column_of_the_table_of_further_metrics(extended: Path) -> None:
    program = "from tgvac.report.scores import MORE; print([s.label for s in MORE if s.metric == 'hidden_colour'])"
    environment = {**os.environ, "PYTHONPATH": str(extended / "src")}
    printed = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert "Hidden colour error↓" in printed.stdout


def test_the_source_reads_frames_and_masks_that_lie_side_by_side(tmp_path: Path) -> None:
    project = project_with(tmp_path / "project", "A source")
    footage = tmp_path / "footage"
    for name in ("cat", "dog"):
        _write_video(footage / name)
    run = run_in(project)
    checked = run("tgvac", "data", "check", str(footage), "--layout", "flat")
    assert "cat" in checked
    assert "dog" in checked
    run("tgvac", "stage", "sources", "--scale", "pets", "--at", f"pets={footage}")
    run("tgvac", "stage", "tracks", "--scale", "pets")
    tracks = sorted(path.name for path in (project / "results" / "pets" / "tracks" / "files").glob("*.zip"))
    assert tracks == ["pets--cat--1.zip", "pets--dog--1.zip"]
    run("tgvac", "plan", "--scale", "pets")


def test_the_source_names_a_frame_without_its_mask(tmp_path: Path) -> None:
    project = project_with(tmp_path / "project", "A source")
    for name in ("cat", "dog", "eel"):
        _write_video(tmp_path / "footage" / name)
    (tmp_path / "footage" / "dog" / "00003.png").unlink()
    run_in(project)("tgvac", "stage", "sources", "--scale", "pets", "--at", f"pets={tmp_path / 'footage'}")
    rejected = (project / "results" / "pets" / "sources" / "rejected.csv").read_text()
    assert "has no mask dog/00003.png; add it." in rejected


def _write_video(folder: Path) -> None:
    """Sixteen frames of a disk that moves to the right, with its mask."""
    folder.mkdir(parents=True)
    for frame in range(16):
        picture, mask = Image.new("RGB", (96, 64), _BACKGROUNDS[folder.name]), Image.new("L", (96, 64))
        for image, colour in ((picture, "orange"), (mask, 255)):
            ImageDraw.Draw(image).ellipse((10 + 2 * frame, 20, 34 + 2 * frame, 44), fill=colour)
        picture.save(folder / f"{frame:05d}.jpg", quality=95)
        mask.save(folder / f"{frame:05d}.png")
