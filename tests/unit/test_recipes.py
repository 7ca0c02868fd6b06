"""Contract 2, the recipe: it renders to the same bits everywhere."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.builders import box, open_fake_track, write_fake_track
from tgvac.clips.recipe import Placement, Recipe, ping_pong, read_recipes, write_recipes
from tgvac.clips.tables import write_table
from tgvac.errors import BadInput
from tgvac.synthesis.clips import RecipeClips


def recipe(**changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "recipe": "s/v/1/r0",
        "target": "s/v/1",
        "video": "s/v",
        "source": "s",
        "split": "train",
        "start": 1,
        "frame_step": 2,
        "frames": 3,
        "occluders": (Placement(track="s/o/1", start=1), Placement(track="s/p/1", start=0, flip=True, dx=0.125)),
        "seed": 2**63 - 1,
        "mean_rate": 0.25,
        "max_rate": 0.5,
    }
    return Recipe.model_validate({**values, **changes})


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(1, 20), st.integers(0, 60))
def test_a_track_is_played_back_and_forth_one_step_at_a_time(start: int, length: int, count: int) -> None:
    found = ping_pong(start, length, count)
    assert len(found) == count
    assert all(0 <= i < length for i in found)
    assert all(abs(b - a) == min(1, length - 1) for a, b in itertools.pairwise(found))
    if count and start < length:
        assert found[0] == start


def test_ping_pong_by_hand() -> None:
    assert ping_pong(0, 4, 9) == [0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert ping_pong(3, 4, 4) == [3, 2, 1, 0]
    assert ping_pong(0, 1, 3) == [0, 0, 0]
    assert ping_pong(1, 2, 4) == [1, 0, 1, 0]


def test_an_empty_range_of_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="0 frames"):
        ping_pong(0, 0, 3)


def test_recipes_are_read_back_sorted_and_equal(tmp_path: Path) -> None:
    recipes = [recipe(recipe="s/v/1/r1", occluders=()), recipe()]
    write_recipes(tmp_path / "r.parquet", recipes)
    assert read_recipes(tmp_path / "r.parquet") == recipes[::-1]


def test_the_same_recipes_in_any_order_are_the_same_bytes(tmp_path: Path) -> None:
    recipes = [recipe(recipe=f"s/v/1/r{k}", mean_rate=k / 7) for k in range(6)]
    write_recipes(tmp_path / "a.parquet", recipes)
    write_recipes(tmp_path / "b.parquet", recipes[::-1])
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_an_invalid_row_is_refused_naming_file_row_and_key(tmp_path: Path) -> None:
    wrong = recipe().model_copy(update={"split": "test"})
    write_recipes(tmp_path / "r.parquet", [wrong])
    with pytest.raises(
        BadInput, match=r"r\.parquet: recipe 's/v/1/r0' has a wrong 'split' .*; run `tgvac stage synthesis` again"
    ):
        read_recipes(tmp_path / "r.parquet")


def test_recipes_of_an_earlier_format_are_refused_saying_what_to_do(tmp_path: Path) -> None:
    columns = {"recipe": "string"}
    write_table(tmp_path / "r.parquet", [{"recipe": "s/v/1/r0"}], columns, "tgvac-recipe-1")
    with pytest.raises(
        BadInput, match=r"r\.parquet is of format 'tgvac-recipe-1', expected 'tgvac-recipe-3'; delete it"
    ):
        read_recipes(tmp_path / "r.parquet")


def test_drifts_and_feathers_are_read_back(tmp_path: Path) -> None:
    drifting = Placement(track="s/o/1", start=0, drift_x=0.25, drift_y=-0.125)
    write_recipes(tmp_path / "r.parquet", [recipe(occluders=(drifting,), feather=2)])
    (found,) = read_recipes(tmp_path / "r.parquet")
    assert (found.occluders, found.feather) == ((drifting,), 2)
    assert [drifting.shift(found.progress(i)) for i in range(3)] == [(-0.125, 0.0625), (0.0, 0.0), (0.125, -0.0625)]


@pytest.mark.parametrize("changes", [{"start": -1}, {"frame_step": 0}, {"frames": 0}, {"split": "x"}, {"extra": 1}])
def test_a_recipe_refuses_what_cannot_be_rendered(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        recipe(**changes)


# ---------------------------------------------------------------- rendering


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    write_fake_track(tmp_path, "s/v/1", np.stack([box(16, 20, 4, i, 12, i + 8) for i in range(7)]), 1)
    write_fake_track(tmp_path, "s/o/1", np.stack([box(8, 10, 0, i, 8, i + 2) for i in range(3)]), 2)
    write_fake_track(tmp_path, "s/p/1", np.stack([box(16, 20, 0, 0, 5, 5)] * 2), 3)
    return tmp_path


def clips_of(folder: Path, *recipes: Recipe) -> RecipeClips:
    return RecipeClips(recipes, lambda track: open_fake_track(folder, track))


def test_a_rendered_clip_keeps_the_contract_and_shows_the_targets_frames(tracks: Path) -> None:
    clip = clips_of(tracks, recipe()).render("s/v/1/r0")
    clip.check()
    with open_fake_track(tracks, "s/v/1") as target:
        assert np.array_equal(clip.amodal_FHW, target.masks([1, 3, 5]))
        free = clip.occluder_FHW == 0
        assert np.array_equal(clip.frames_FHW3[free], target.frames([1, 3, 5])[free])
    # The first occluder shows its frames 1, 2, 1, twice as large; the second is mirrored and shifted.
    for f, at in enumerate([1, 2, 1]):
        first, second = box(16, 20, 0, 2 * at, 16, 2 * at + 4), box(16, 20, 0, 17, 5, 20)
        assert np.array_equal(clip.occluder_FHW[f], first | second)


def test_some_frames_of_a_clip_equal_those_of_the_whole_clip(tracks: Path) -> None:
    clips = clips_of(tracks, recipe())
    whole, some = clips.render("s/v/1/r0"), clips.render("s/v/1/r0", [2, 0])
    for name in ("frames_FHW3", "visible_FHW", "whole_FHW3", "amodal_FHW", "occluder_FHW"):
        assert np.array_equal(getattr(some, name), getattr(whole, name)[[2, 0]])


def test_a_frame_beyond_the_clip_is_refused(tracks: Path) -> None:
    with pytest.raises(ValueError, match="frame 3 of s/v/1/r0 was requested, but it has frames 0 to 2"):
        clips_of(tracks, recipe()).render("s/v/1/r0", [1, 3])


def test_a_source_of_clips_lists_its_samples_and_lengths(tracks: Path) -> None:
    clips = clips_of(tracks, recipe(recipe="s/v/1/r1", frames=1), recipe())
    assert clips.samples() == ("s/v/1/r0", "s/v/1/r1")
    assert [clips.length(s) for s in clips.samples()] == [3, 1]


RENDER = """
import hashlib, sys
from pathlib import Path
from tests.unit.builders import open_fake_track
from tgvac.clips.recipe import read_recipes
from tgvac.synthesis.clips import RecipeClips

folder = Path(sys.argv[1])
clips = RecipeClips(read_recipes(folder / "r.parquet"), lambda track: open_fake_track(folder, track))
clip = clips.render(clips.samples()[0])
for name in ("frames_FHW3", "visible_FHW", "whole_FHW3", "amodal_FHW", "occluder_FHW"):
    print(name, hashlib.sha256(getattr(clip, name).tobytes()).hexdigest())
"""


def test_a_recipe_renders_to_the_same_bits_in_another_process(tracks: Path) -> None:
    write_recipes(tracks / "r.parquet", [recipe()])
    clip = clips_of(tracks, recipe()).render("s/v/1/r0")
    expected = [
        f"{name} {hashlib.sha256(getattr(clip, name).tobytes()).hexdigest()}"
        for name in ("frames_FHW3", "visible_FHW", "whole_FHW3", "amodal_FHW", "occluder_FHW")
    ]
    there = subprocess.run(
        [sys.executable, "-c", RENDER, str(tracks)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"},
    )
    assert there.stdout.splitlines() == expected
