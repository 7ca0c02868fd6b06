"""An added video goes to the shard of its name, and the results of the other videos stay unchanged in each phase."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.unit.archive_server import PARAMS as FETCH
from tests.unit.builders import davis_tree, noise
from tests.unit.params_project import ROOT
from tests.unit.test_tracks_stage import SOURCES
from tgvac.captions import captions_stage
from tgvac.clips.recipe import Recipe, read_recipes
from tgvac.masks import join_quality, masks_stage
from tgvac.params import load_params
from tgvac.shards import merge_indices, read_index, shard_of
from tgvac.sources import sources_stage, tracks_stage
from tgvac.stage import Context
from tgvac.synthesis import select_stage, synthesis_stage
from tgvac.synthesis.select_stage import read_stretches
from tgvac.synthesis.splits import split_videos

SHARDS, FRAMES, VIDEOS = 4, 14, 12
PARAMS = load_params(ROOT, "smoke")
SYNTHESIS = PARAMS.synthesis.model_copy(
    update={"split": PARAMS.synthesis.split.model_copy(update={"dev": 0.0, "val": 0.4})}
)
SHARDED = ("tracks", "masks", "synthesis", "captions")


@dataclass(frozen=True)
class State:
    """The results of a run: for each phase, the keys of items, digests of files, and the shard of each item."""

    keys: dict[str, dict[str, str]]
    files: dict[str, dict[str, str]]
    shards: dict[str, dict[str, int]]
    recipes: tuple[Recipe, ...]
    splits: dict[str, str]


def footage(root: Path, name: str, seed: int) -> None:
    """A video of one moving object, whose size and position depend on the seed."""
    pairs = []
    for i in range(FRAMES):
        ids_HW = np.zeros((36, 64), np.uint8)
        top, left, width = 3 + seed % 7, 6 + (2 * i + 5 * seed) % 30, 12 + seed % 8
        ids_HW[top : top + 24, left : left + width] = 1
        pairs.append((noise(100 * seed + i, 36, 64, 3), ids_HW))
    davis_tree(root / "footage", {name: pairs})


def phases(root: Path) -> State:
    """Run the data phases on the footage, each shard by itself, as the workflow does."""
    (root / "reference").mkdir(exist_ok=True)
    (root / "reference" / "registry.csv").write_text(
        "name,layout,location,bytes,sha256,licence\nmine,davis,given,,,my own\n", encoding="utf-8"
    )
    at = {"mine": str(root / "footage")}
    sources_stage.run(Context(root, "t", "sources", "d", locations=at), sources=SOURCES, fetch=FETCH)
    for k in range(SHARDS):
        tracks_stage.run(context(root, "tracks", k), tracks=PARAMS.tracks)
    merge_indices((context(root, "tracks").shard_index(k) for k in range(SHARDS)), root / "results/t/tracks/index.json")
    for k in range(SHARDS):
        masks_stage.run(context(root, "masks", k), masks=PARAMS.masks, compute=PARAMS.compute)
    join_quality.join(context(root, "masks"))
    select_stage.run(context(root, "select"), select=PARAMS.select)
    for k in range(SHARDS):
        synthesis_stage.run(context(root, "synthesis", k), synthesis=SYNTHESIS)
        captions_stage.run(context(root, "captions", k), captions=PARAMS.captions, compute=PARAMS.compute)
    synthesis_stage.join(context(root, "synthesis"), synthesis=SYNTHESIS)
    captions_stage.join(context(root, "captions"), captions=PARAMS.captions)
    return state(root)


def context(root: Path, phase: str, shard: int | None = None) -> Context:
    return Context(root, "t", phase, "d", shard=shard, shards=SHARDS)


def state(root: Path) -> State:
    keys, files, shards = {}, {}, {}
    for phase in SHARDED:
        ledger = root / "scratch" / "t" / phase / "done"
        keys[phase] = {path.stem.replace("--", "/"): json.loads(path.read_text())["key"] for path in ledger.iterdir()}
        parts = [read_index(context(root, phase).shard_index(k)) for k in range(SHARDS)]
        files[phase] = {name: entry.sha256 for part in parts for name, entry in part.items()}
        shards[phase] = {name: k for k, part in enumerate(parts) for name in part}
    stretches = read_stretches(root / "results" / "t" / "select" / "stretches.parquet")
    splits = split_videos(SYNTHESIS.split, (s.video for s in stretches))
    return State(
        keys, files, shards, tuple(read_recipes(root / "results" / "t" / "synthesis" / "recipes.parquet")), dict(splits)
    )


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> tuple[State, State, str]:
    """The states before and after adding a video, and the name of its track."""
    root = tmp_path_factory.mktemp("grown")
    for k in range(VIDEOS):
        footage(root, f"video-{k}", k)
    before = phases(root)
    footage(root, "newcomer", 17)
    return before, phases(root), "mine/newcomer/1"


@pytest.mark.parametrize("phase", SHARDED)
def test_the_newcomer_is_in_the_shard_of_its_name_and_no_other_object_moves(
    grown: tuple[State, State, str], phase: str
) -> None:
    before, after, newcomer = grown
    assert set(after.shards[phase]) - set(before.shards[phase]) == {newcomer}
    # A video's tracks are made together, so that its frames are decoded once.
    item = newcomer.rpartition("/")[0] if phase == "tracks" else newcomer
    assert after.shards[phase] == {**before.shards[phase], newcomer: shard_of(item, SHARDS)}


@pytest.mark.parametrize("phase", ["tracks", "masks", "captions"])
def test_no_other_item_is_made_again(grown: tuple[State, State, str], phase: str) -> None:
    before, after, newcomer = grown
    added = {name: key for name, key in after.keys[phase].items() if name not in before.keys[phase]}
    assert after.keys[phase] == {**before.keys[phase], **added}
    assert set(after.files[phase]) - set(before.files[phase]) == {newcomer}
    assert {name: after.files[phase][name] for name in before.files[phase]} == before.files[phase]
    assert len(added) == 1


def test_other_videos_stay_on_their_side_of_the_split(grown: tuple[State, State, str]) -> None:
    before, after, _ = grown
    assert set(before.splits.values()) == {"train", "val"}
    assert {video: after.splits[video] for video in before.splits} == before.splits


def test_recipes_are_drawn_again_only_where_the_newcomer_may_occlude(grown: tuple[State, State, str]) -> None:
    before, after, newcomer = grown
    side = after.splits[newcomer.rpartition("/")[0]]
    redrawn = {name for name, key in before.keys["synthesis"].items() if after.keys["synthesis"][name] != key}
    assert redrawn == {name for name in before.keys["synthesis"] if after.splits[name.rpartition("/")[0]] == side}
    assert redrawn != set(before.keys["synthesis"])


def test_recipes_change_only_where_the_newcomer_is_used(grown: tuple[State, State, str]) -> None:
    before, after, newcomer = grown
    old = {recipe.recipe: recipe for recipe in before.recipes}
    new = {recipe.recipe: recipe for recipe in after.recipes if recipe.target != newcomer}
    taken = {name for name, recipe in new.items() if newcomer in {p.track for p in recipe.occluders}}
    assert {name for name in {*old, *new} if old.get(name) != new.get(name)} <= taken
    assert len(set(old) - taken) > len(taken) > 0
