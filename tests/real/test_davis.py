"""The whole graph on real footage."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Command, make_project
from tgvac.clips.recipe import read_recipes
from tgvac.clips.tables import read_table
from tgvac.synthesis.select_stage import TRACKS_FORMAT, read_stretches

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def run(real_data: Path, tmp_path_factory: pytest.TempPathFactory, tgvac: Command) -> Path:
    """The results of the whole graph on eight real DAVIS sequences."""
    folder = make_project(tmp_path_factory.mktemp("real") / "project")
    done: subprocess.CompletedProcess[str] = tgvac(
        folder, "run", "--scale", "smoke-davis", "--at", f"davis={real_data / 'DAVIS'}"
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return folder / "results" / "smoke-davis"


def kept(run: Path) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for s in read_stretches(run / "select" / "stretches.parquet"):
        found.setdefault(s.video.removeprefix("davis/"), []).append((s.start, s.frames))
    return found


def test_a_really_occluded_animal_does_not_become_ground_truth(run: Path) -> None:
    assert "libby" not in kept(run)
    recipes = read_recipes(run / "synthesis" / "recipes.parquet")
    assert recipes
    used = {r.target for r in recipes} | {p.track for r in recipes for p in r.occluders}
    assert "davis/libby/1" not in used
    verdicts = {r["track"]: r for r in read_table(run / "select" / "tracks.parquet", TRACKS_FORMAT)}
    assert verdicts["davis/libby/1"]["refused"]
    assert json.loads(str(verdicts["davis/libby/1"]["reasons"]))["parts"] >= 40


def test_objects_that_nothing_touches_are_kept_whole(run: Path) -> None:
    for name, frames in (("blackswan", 50), ("camel", 90), ("car-shadow", 40)):
        assert kept(run)[name] == [(0, frames)]


@pytest.mark.parametrize("name", ["dog", "drift-straight", "parkour"])
def test_frames_in_which_the_border_cuts_an_object_are_left_out(run: Path, real_data: Path, name: str) -> None:
    import numpy as np
    from PIL import Image

    masks = sorted((real_data / "DAVIS" / "Annotations" / "480p" / name).glob("*.png"))
    cut = set()
    for i, path in enumerate(masks):
        mask = np.asarray(Image.open(path)) > 0
        if mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any():
            cut.add(i)
    frames = {start + i for start, count in kept(run)[name] for i in range(count)}
    assert cut
    assert frames
    assert not cut & frames


def test_the_report_is_one_page_with_both_tables(run: Path) -> None:
    page = (run / "report" / "index.html").read_text()
    assert "Table 1" in page
    assert "Table 2" in page
    assert "libby" in page
    assert 'src="http' not in page
