"""Recipes: occluders are of the same split and of other videos, within bounds, and stable when data are added."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.builders import Array, box, open_fake_track, write_fake_track
from tgvac.clips.recipe import Recipe, Split, read_recipes
from tgvac.clips.tables import read_table, write_table
from tgvac.clips.track import Track, file_stem
from tgvac.config import parse
from tgvac.errors import BadInput
from tgvac.seeds import unit
from tgvac.shards import Made, write_index
from tgvac.stage import Context
from tgvac.synthesis import synthesis_stage
from tgvac.synthesis.clips import RecipeClips, clip_keys, recipe_clips
from tgvac.synthesis.drawing import acceptable, draw_recipes
from tgvac.synthesis.params import SynthesisParams
from tgvac.synthesis.select_stage import _STRETCH_COLUMNS, STRETCHES_FORMAT
from tgvac.synthesis.selection import Stretch

FRAMES, H, W = 8, 24, 32
Open = Callable[[str], Track]


RICH: dict[str, Any] = {
    "occluders": [1, 3],
    "scale": [0.6, 1.4],
    "shift_x": [-0.2, 0.2],
    "shift_y": [-0.2, 0.2],
    "drift": [0.0, 0.4],
    "flip": 0.5,
    "aim": 0.5,
}


def params(**changes: Any) -> SynthesisParams:
    values: dict[str, Any] = {
        "seed": 1,
        "per_object": 5,
        "placement": "paper",
        "rich": RICH,
        "edge": "hard",
        "feather": 1,
        "max_frames": 6,
        "frame_step": 1,
        "attempts": 40,
        "rate_min": 0.05,
        "rate_max": 0.9,
        "first_rate_max": 0.9,
        "histogram": {"edges": [], "shares": []},
        "split": {"by": "video", "seed": 1, "val": 0.3, "dev": 0.2, "min_videos": 2},
    }
    return parse(SynthesisParams, {**values, **changes}, "test")


def always(split: Split) -> Callable[[str], Split]:
    return lambda recipe: split


def masks(number: int) -> Array:
    """A box that moves to the right; its height depends on the number."""
    top = 2 + 3 * (number % 4)
    return np.stack([box(H, W, top, 1 + 2 * i + number % 3, top + 9, 11 + 2 * i + number % 3) for i in range(FRAMES)])


def stretch(number: int, start: int = 0, frames: int = FRAMES) -> Stretch:
    return Stretch(f"s/v{number}/1", f"s/v{number}", "s", start, frames)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tracks")
    for number in range(12):
        write_fake_track(path, f"s/v{number}/1", masks(number), number)
    # In a corner that no other object reaches, so it is never an acceptable occluder.
    write_fake_track(path, "s/corner/1", np.stack([box(H, W, H - 2, 0, H, 1)] * FRAMES), 99)
    return path


@pytest.fixture
def open_track(folder: Path) -> Open:
    return lambda track: open_fake_track(folder, track)


def draw(it: SynthesisParams, candidates: Sequence[Stretch], open_track: Open, target: int = 0) -> list[Recipe]:
    return [r for r, _ in draw_recipes(it, [stretch(target)], candidates, always("train"), open_track)]


ALL = [stretch(n) for n in range(8)]


def test_five_different_recipes_an_object_with_occluders_of_other_videos(open_track: Open) -> None:
    for target in range(4):
        found = draw(params(), ALL, open_track, target)
        assert [r.recipe for r in found] == [f"s/v{target}/1/r{k}" for k in range(5)]
        assert len({(r.start, r.occluders) for r in found}) == 5
        for recipe in found:
            assert {p.track for p in recipe.occluders} <= {s.track for s in ALL} - {f"s/v{target}/1"}
            assert (recipe.video, recipe.split, recipe.frames) == (f"s/v{target}", "train", 6)


def test_rendered_recipes_are_within_the_bounds(open_track: Open) -> None:
    it = params(rate_min=0.2, rate_max=0.6, first_rate_max=0.5)
    drawn = draw_recipes(it, [stretch(0)], ALL, always("train"), open_track)
    assert drawn
    clips = RecipeClips([r for r, _ in drawn], open_track)
    for recipe, rates in drawn:
        clip = clips.render(recipe.recipe)
        clip.check()
        assert np.array_equal(clip.occlusion_F, rates)
        assert clip.visible_FHW[0].any()
        assert rates[0] <= 0.5
        assert 0.2 <= rates.mean() <= 0.6
        assert (recipe.mean_rate, recipe.max_rate) == (round(rates.mean(), 6), round(rates.max(), 6))


def test_the_order_of_candidates_and_targets_does_not_matter(open_track: Open) -> None:
    first = [draw(params(), ALL, open_track, t) for t in (0, 1)]
    assert [draw(params(), ALL[::-1], open_track, t) for t in (1, 0)] == first[::-1]


def test_another_seed_draws_other_recipes(open_track: Open) -> None:
    assert draw(params(), ALL, open_track) != draw(params(seed=2), ALL, open_track)


def test_a_new_candidate_only_changes_recipes_that_use_it_because_it_ranks_before(open_track: Open) -> None:
    changed = 0
    for target in range(4):
        before = draw(params(), ALL, open_track, target)
        for number in range(8, 12):
            after = draw(params(), [*ALL, stretch(number)], open_track, target)
            for old, new in zip(before, after, strict=True):
                if old == new:
                    continue
                changed += 1
                taken, was = new.occluders[0].track, old.occluders[0].track
                assert taken == f"s/v{number}/1"
                assert rank(new.recipe, taken) < rank(new.recipe, was)
    assert changed


def rank(recipe: str, track: str) -> float:
    return unit("occluder", 1, recipe, track, 0)


def test_a_new_candidate_that_is_never_acceptable_changes_nothing(open_track: Open) -> None:
    corner = Stretch("s/corner/1", "s/corner", "s", 0, FRAMES)
    it = params(rate_min=0.3)
    for target in range(8):
        assert draw(it, [*ALL, corner], open_track, target) == draw(it, ALL, open_track, target)


def test_recipes_take_every_frame_step_th_frame_of_the_stretch(open_track: Open) -> None:
    it = params(frame_step=2, max_frames=3)
    found = draw_recipes(it, [stretch(0, 1, 6)], ALL, always("val"), open_track)
    for recipe, _ in found:
        assert recipe.frames == 3
        assert set(recipe.target_indices()) <= set(range(1, 7))
        assert np.diff(recipe.target_indices()).tolist() == [2, 2]
    assert {r.start for r, _ in found} == {1, 2}


def test_longer_stretches_come_first_and_then_take_turns(open_track: Open) -> None:
    found = draw_recipes(params(per_object=2), [stretch(0, 0, 3), stretch(0, 3, 5)], ALL, always("train"), open_track)
    assert [(r.start, r.frames) for r, _ in found] == [(3, 5), (0, 3)]


def test_without_another_video_or_an_acceptable_occlusion_there_is_no_recipe(open_track: Open) -> None:
    corner = Stretch("s/corner/1", "s/corner", "s", 0, FRAMES)
    assert draw(params(), [stretch(0)], open_track) == []
    assert draw(params(), [stretch(0), corner], open_track) == []


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([0.0, 0.5], True),
        ([0.95, 0.1], False),  # hidden in the first frame
        ([np.nan, 0.5], False),
        ([np.nan, np.nan], False),
        ([0.0, 0.0], False),
        ([0.0, 0.02], False),
        ([0.9, 0.95], False),  # almost nothing is visible
        ([0.9, 0.9], True),
        ([0.1, np.nan], True),
    ],
)
def test_what_is_acceptable(rates: list[float], expected: bool) -> None:
    assert acceptable(params(), np.array(rates)) is expected


def test_without_a_minimum_rate_there_must_still_be_some_occlusion() -> None:
    assert not acceptable(params(rate_min=0.0), np.zeros(3))


def test_bounds_out_of_order_are_refused() -> None:
    with pytest.raises(BadInput, match=r"rate_min 0.9 is above rate_max 0.2; correct"):
        params(rate_min=0.9, rate_max=0.2)


# ---------------------------------------------------------------- the stage


def project(root: Path, videos: int) -> None:
    """A scale with tracks, masks and stretches."""
    for phase in ("tracks", "masks"):
        ctx = Context(root, "t", phase, "d")
        entries = []
        for n in range(videos):
            track = f"s/v{n}/1"
            path = write_fake_track(ctx.out / "files", track, masks(n), n)
            entries += ctx.ledger().record(track, "k", [Made(track, path)])
        write_index(ctx.out / "index.json", entries)
    rows = [vars(stretch(n)) for n in range(videos)]
    path = root / "results" / "t" / "select" / "stretches.parquet"
    write_table(path, rows, _STRETCH_COLUMNS, STRETCHES_FORMAT)


def synthesise(root: Path, shards: int, it: SynthesisParams) -> Path:
    for shard in range(shards):
        synthesis_stage.run(Context(root, "t", "synthesis", "d", shard=shard, shards=shards), synthesis=it)
    ctx = Context(root, "t", "synthesis", "d", shards=shards)
    synthesis_stage.join(ctx, synthesis=it)
    return ctx.out


def test_the_data_set_keeps_its_splits_apart_and_does_not_depend_on_shards(tmp_path: Path) -> None:
    project(tmp_path / "one", 10)
    project(tmp_path / "three", 10)
    one, three = synthesise(tmp_path / "one", 1, params()), synthesise(tmp_path / "three", 3, params())
    for name in ("recipes.parquet", "occlusion.parquet"):
        assert (one / name).read_bytes() == (three / name).read_bytes()
    recipes = read_recipes(one / "recipes.parquet")
    splits_of: dict[str, set[str]] = {}
    for recipe in recipes:
        for track in (recipe.target, *(p.track for p in recipe.occluders)):
            splits_of.setdefault(track.rsplit("/", 1)[0], set()).add(recipe.split)
    assert all(len(splits) == 1 for splits in splits_of.values())
    assert {"train", "val"} <= {r.split for r in recipes}
    rates = read_table(one / "occlusion.parquet", synthesis_stage.OCCLUSION_FORMAT)
    assert len(rates) == sum(r.frames for r in recipes)


def test_clips_are_rendered_by_split_and_keyed_by_everything_that_determines_them(tmp_path: Path) -> None:
    project(tmp_path, 10)
    out = synthesise(tmp_path, 1, params())
    ctx = Context(tmp_path, "t", "latents", "d")
    clips = recipe_clips(ctx, "val")
    recipes = [r for r in read_recipes(out / "recipes.parquet") if r.split == "val"]
    assert clips.samples() == tuple(r.recipe for r in recipes)
    clips.render(clips.samples()[0]).check()
    before = clip_keys(ctx, recipes)
    write_fake_track(tmp_path / "results/t/masks/files", recipes[0].target, masks(11), 50)
    path = tmp_path / "results/t/masks/files" / f"{file_stem(recipes[0].target)}.zip"
    masks_ctx = Context(tmp_path, "t", "masks", "d")
    entries = []
    for n in range(10):
        name = f"s/v{n}/1"
        entries += masks_ctx.ledger().record(name, "k", [Made(name, path.with_name(f"{file_stem(name)}.zip"))])
    write_index(masks_ctx.out / "index.json", entries)
    after = clip_keys(ctx, recipes)
    touched = {r.recipe for r in recipes if recipes[0].target in (r.target, *(p.track for p in r.occluders))}
    assert {sample for sample in before if before[sample] != after[sample]} == touched


def test_a_recipe_of_a_lost_track_says_what_to_run(tmp_path: Path) -> None:
    project(tmp_path, 10)
    synthesise(tmp_path, 1, params())
    write_index(tmp_path / "results/t/masks/index.json", [])
    clips = recipe_clips(Context(tmp_path, "t", "latents", "d"))
    with pytest.raises(
        BadInput, match="not among the tracks and masks of scale 't'; run `tgvac stage synthesis` again"
    ):
        clips.render(clips.samples()[0])


def test_too_few_videos_are_refused(tmp_path: Path) -> None:
    project(tmp_path, 3)
    with pytest.raises(BadInput, match="3 videos with whole objects are too few for two splits"):
        synthesise(tmp_path, 1, params())


def test_no_acceptable_occlusion_is_refused_naming_the_split(tmp_path: Path) -> None:
    project(tmp_path, 6)
    with pytest.raises(BadInput, match=r"No acceptable occlusion .* of the split 'train'; give more videos or widen"):
        synthesise(tmp_path, 1, params(rate_min=0.899, rate_max=0.9))
