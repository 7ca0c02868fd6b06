"""Properties of every clip, for any placement and edge: the contract, its rate, unchanged pixels."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.builders import Array, box, noise, open_fake_track, write_fake_track
from tgvac.clips.clip import Clip
from tgvac.clips.images import on_white
from tgvac.clips.recipe import Placement, Recipe, write_recipes
from tgvac.clips.track import Track
from tgvac.synthesis.clips import RecipeClips
from tgvac.synthesis.compositing import alpha_of, composite, layer_of, place
from tgvac.synthesis.drawing import occlusion_rates
from tgvac.synthesis.edges import resize_covered

FRAMES, H, W = 5, 14, 18
ARRAYS = ("frames_FHW3", "visible_FHW", "whole_FHW3", "amodal_FHW", "occluder_FHW")

placements = st.builds(
    Placement,
    track=st.sampled_from(["s/o/1", "s/p/1"]),
    start=st.integers(0, 3),
    scale=st.floats(0.3, 2.5),
    dx=st.floats(-1, 1),
    dy=st.floats(-1, 1),
    flip=st.booleans(),
    drift_x=st.floats(-1, 1),
    drift_y=st.floats(-1, 1),
)
recipes = st.builds(
    Recipe,
    recipe=st.just("s/v/1/r0"),
    target=st.just("s/v/1"),
    video=st.just("s/v"),
    source=st.just("s"),
    split=st.just("train"),
    start=st.just(0),
    frame_step=st.just(1),
    frames=st.integers(1, FRAMES),
    occluders=st.lists(placements, max_size=3).map(tuple),
    feather=st.integers(0, 3),
    seed=st.just(1),
    mean_rate=st.just(0.0),
    max_rate=st.just(0.0),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tracks")
    empty = np.zeros((H, W), np.uint8)
    target = [box(H, W, 3, 2 + i, 11, 10 + i) for i in range(FRAMES - 1)]
    write_fake_track(path, "s/v/1", np.stack([*target, empty]), 1)
    write_fake_track(path, "s/o/1", np.stack([box(H, W, 2, i, 12, i + 5) for i in range(4)]), 2)
    # Its size differs from the target's, and it is not a box.
    ragged = np.where(noise(5, 4, 9, 7) > 127, 255, 0).astype(np.uint8)
    write_fake_track(path, "s/p/1", ragged, 3)
    return path


def opened(folder: Path, track: str) -> Track:
    return open_fake_track(folder, track)


def rendered(folder: Path, recipe: Recipe) -> Clip:
    return RecipeClips([recipe], lambda track: opened(folder, track)).render(recipe.recipe)


@settings(max_examples=60, deadline=None)
@given(recipe=recipes)
def test_every_clip_keeps_the_contract(folder: Path, recipe: Recipe) -> None:
    clip = rendered(folder, recipe)
    clip.check()
    with opened(folder, "s/v/1") as track:
        target, amodal = track.frames(range(recipe.frames)), track.masks(range(recipe.frames))
    assert np.array_equal(clip.amodal_FHW, amodal)
    assert np.array_equal(clip.visible_FHW | (amodal & clip.occluder_FHW), amodal)
    assert not (clip.visible_FHW & clip.occluder_FHW).any()
    free = clip.occluder_FHW == 0
    assert np.array_equal(clip.frames_FHW3[free], target[free])
    assert np.array_equal(clip.whole_FHW3, on_white(target, amodal))


@settings(max_examples=60, deadline=None)
@given(recipe=recipes)
def test_the_rate_is_the_hidden_share_and_equals_the_one_that_drawing_measures_from_masks(
    folder: Path, recipe: Recipe
) -> None:
    clip = rendered(folder, recipe)
    for f in range(recipe.frames):
        whole, seen = int((clip.amodal_FHW[f] > 0).sum()), int((clip.visible_FHW[f] > 0).sum())
        if whole == 0:
            assert np.isnan(clip.occlusion_F[f])
        else:
            assert 0 <= clip.occlusion_F[f] <= 1
            assert clip.occlusion_F[f] == pytest.approx((whole - seen) / whole)
    drawn = occlusion_rates(clip.amodal_FHW, recipe.occluders, lambda t: opened(folder, t), recipe.feather)
    assert np.array_equal(drawn, clip.occlusion_F, equal_nan=True)


@settings(max_examples=40, deadline=None)
@given(recipe=recipes, data=st.data())
def test_some_frames_of_a_drifting_clip_equal_those_of_the_whole_clip(folder: Path, recipe: Recipe, data: Any) -> None:
    wanted = data.draw(st.lists(st.integers(0, recipe.frames - 1), min_size=1, max_size=4))
    clips = RecipeClips([recipe], lambda track: opened(folder, track))
    whole, some = clips.render("s/v/1/r0"), clips.render("s/v/1/r0", wanted)
    for name in ARRAYS:
        assert np.array_equal(getattr(some, name), getattr(whole, name)[wanted])


# ---------------------------------------------------------------- edges


@settings(max_examples=60, deadline=None)
@given(placement=placements, seed=st.integers(0, 999), feather=st.integers(0, 3))
def test_alpha_is_the_same_with_and_without_the_colours(placement: Placement, seed: int, feather: int) -> None:
    frame, mask = noise(seed, 9, 7, 3), np.where(noise(seed + 1, 9, 7) > 127, 255, 0).astype(np.uint8)
    colours, alpha = layer_of(frame, mask, placement, H, W, 0.3, feather)
    assert np.array_equal(alpha, alpha_of(mask, placement, H, W, 0.3, feather))
    assert colours.shape == (H, W, 3)
    if feather == 0:
        assert np.array_equal(alpha, place(mask, placement, H, W, 0.3))
        assert np.array_equal(colours, place(frame, placement, H, W, 0.3))


@settings(max_examples=60, deadline=None)
@given(placement=placements, seed=st.integers(0, 999), feather=st.integers(1, 3))
def test_the_background_of_an_occluder_never_enters_a_soft_clip(placement: Placement, seed: int, feather: int) -> None:
    """No halo: changing the background of the occluder does not change any pixel."""
    mask = np.where(noise(seed, 9, 7) > 127, 255, 0).astype(np.uint8)
    inside = noise(seed + 1, 9, 7, 3)
    made = []
    for around in (0, 255):
        frame = np.where(mask[..., None] > 0, inside, np.uint8(around))
        colours, alpha = layer_of(frame, mask, placement, H, W, 0.5, feather)
        target, amodal = noise(7, 1, H, W, 3), np.full((1, H, W), 255, np.uint8)
        made.append(composite("s", "v", "t", target, amodal, [[(colours, alpha)]]).frames_FHW3)
    assert np.array_equal(made[0], made[1])


def test_an_occluder_of_one_colour_keeps_it_up_to_its_edge() -> None:
    mask = box(9, 9, 2, 2, 7, 7)
    frame = np.where(mask[..., None] > 0, np.uint8(200), np.uint8(0)) * np.ones(3, np.uint8)
    for scale in (0.6, 1.0, 1.7):
        colours, alpha = layer_of(frame, mask, Placement(track="s/o/1", start=0, scale=scale), 9, 9, 0.5, 1)
        assert (colours[alpha > 0] == 200).all()


def test_a_soft_edge_is_a_ramp_through_one_half_of_feather_pixels_on_either_side() -> None:
    mask = box(5, 12, 0, 6, 5, 12)
    put = Placement(track="s/o/1", start=0)
    # Binomial 1 2 1: an outer pixel gets a quarter, an inner one three quarters.
    assert alpha_of(mask, put, 5, 12, feather=1)[2].tolist() == [0] * 5 + [64, 191] + [255] * 5
    # Binomial 1 4 6 4 1, divided by 16.
    assert alpha_of(mask, put, 5, 12, feather=2)[2].tolist() == [0] * 4 + [16, 80, 175, 239] + [255] * 4


def test_an_occluder_does_not_fade_at_the_border_of_the_frame() -> None:
    assert (alpha_of(np.full((6, 6), 255, np.uint8), Placement(track="s/o/1", start=0), 6, 6, feather=3) == 255).all()


def test_a_half_transparent_pixel_is_the_rounded_mean_of_both() -> None:
    target, layer = np.full((1, 1, 3, 3), 100, np.uint8), np.full((1, 1, 3, 3), 201, np.uint8)
    alpha = np.array([[[0, 128, 255]]], np.uint8)
    clip = composite("s", "v", "t", target, np.full((1, 1, 3), 255, np.uint8), [[(layer[0], alpha[0])]])
    assert clip.frames_FHW3[0, 0, :, 0].tolist() == [100, round((128 * 201 + 127 * 100) / 255), 201]
    assert clip.occluder_FHW[0, 0].tolist() == [0, 255, 255]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), tall=st.integers(1, 20), wide=st.integers(1, 20))
def test_resized_colours_stay_within_those_of_the_object(seed: int, tall: int, wide: int) -> None:
    mask = box(8, 8, 1, 2, 6, 7)
    frame = np.where(mask[..., None] > 0, np.uint8(90) + noise(seed, 8, 8, 3) % 40, np.uint8(255))
    colours, coverage = resize_covered(frame, mask, tall, wide)
    seen = colours[coverage > 0].astype(int)
    assert seen.size == 0 or (seen.min() >= 89 and seen.max() <= 130)


# ---------------------------------------------------------------- motion


def test_a_drifting_occluder_moves_linearly_with_its_shift_at_the_middle() -> None:
    put = Placement(track="s/o/1", start=0, dx=0.1, drift_x=0.4, drift_y=-0.2)
    mask = box(20, 20, 10, 5, 14, 9)
    for progress, left, top in ((0.0, 3, 12), (0.5, 7, 10), (1.0, 11, 8)):
        assert np.array_equal(place(mask, put, 20, 20, progress), box(20, 20, top, left, top + 4, left + 4))


# ---------------------------------------------------------------- the same bytes everywhere

RENDER = """
import hashlib, sys
from pathlib import Path
import cv2
if sys.argv[2] != "0":
    import torch
    torch.set_num_threads(int(sys.argv[2]))
    cv2.setNumThreads(int(sys.argv[2]))
from tests.unit.builders import open_fake_track
from tgvac.clips.recipe import read_recipes
from tgvac.synthesis.clips import RecipeClips

folder = Path(sys.argv[1])
clips = RecipeClips(read_recipes(folder / "r.parquet"), lambda track: open_fake_track(folder, track))
for sample in clips.samples():
    clip = clips.render(sample)
    for name in ("frames_FHW3", "visible_FHW", "whole_FHW3", "amodal_FHW", "occluder_FHW"):
        print(sample, name, hashlib.sha256(getattr(clip, name).tobytes()).hexdigest())
"""


def big(folder: Path) -> Array:
    """Tracks large enough for libraries to use several threads."""
    write_fake_track(folder, "s/v/1", np.stack([box(200, 300, 20, 30 + i, 180, 230 + i) for i in range(3)]), 1)
    write_fake_track(folder, "s/o/1", np.stack([box(150, 200, 20, i, 120, i + 90) for i in range(4)]), 2)
    return noise(1, 2)


def test_a_clip_has_the_same_bytes_in_any_process_and_with_any_number_of_threads(tmp_path: Path) -> None:
    big(tmp_path)
    drifting = {"track": "s/o/1", "start": 1, "scale": 1.3, "dx": 0.1, "drift_x": 0.2, "flip": True}
    values = {
        "target": "s/v/1",
        "video": "s/v",
        "source": "s",
        "split": "train",
        "start": 0,
        "frame_step": 1,
        "frames": 3,
    }
    found = [
        Recipe.model_validate(
            {**values, "recipe": f"s/v/1/r{k}", "occluders": [drifting, {"track": "s/o/1", "start": 0}], "feather": k}
            | {"seed": 1, "mean_rate": 0.0, "max_rate": 0.0}
        )
        for k in (0, 1, 2)
    ]
    write_recipes(tmp_path / "r.parquet", found)
    clips = RecipeClips(found, lambda track: open_fake_track(tmp_path, track))
    here = [
        f"{sample} {name} {hashlib.sha256(getattr(clip, name).tobytes()).hexdigest()}"
        for sample in clips.samples()
        for clip in [clips.render(sample)]
        for name in ARRAYS
    ]
    for threads, hash_seed in (("0", "7"), ("1", "0"), ("3", "42")):
        there = subprocess.run(
            [sys.executable, "-c", RENDER, str(tmp_path), threads],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )
        assert there.stdout.splitlines() == here


def test_a_recipe_with_the_papers_placement_renders_to_known_digests(tmp_path: Path) -> None:
    """The digests are older than soft edges and drifts, which must not change hard edges."""
    for number in range(12):
        top = 2 + 3 * (number % 4)
        lefts = [1 + 2 * i + number % 3 for i in range(8)]
        write_fake_track(
            tmp_path, f"s/v{number}/1", np.stack([box(24, 32, top, x, top + 9, x + 10) for x in lefts]), number
        )
    kept = [
        Recipe.model_validate(row) for row in json.loads((Path(__file__).parent / "paper_recipes.json").read_text())
    ]
    moved = {"scale": 0.8, "dx": 0.1, "dy": -0.2, "flip": True}
    shifted = [
        r.model_copy(
            update={
                "occluders": (
                    *(p.model_copy(update=moved) for p in r.occluders),
                    r.occluders[0].model_copy(update={"scale": 1.3}),
                )
            }
        )
        for r in kept
    ]
    for rows, expected in (
        (kept, "f4f1b8867c5213364fcd5fedd048fec8e10a19fd60594276eb80874a3c0e78e0"),
        (shifted, "2f9d5c0bc529b163079b8cbfc79f20b3cba208eeb7a63c643e36412867f9bece"),
    ):
        clips = RecipeClips(rows, lambda track: open_fake_track(tmp_path, track))
        content = hashlib.sha256()
        for sample in clips.samples():
            clip = clips.render(sample)
            for name in ARRAYS:
                content.update(getattr(clip, name).tobytes())
        assert content.hexdigest() == expected
