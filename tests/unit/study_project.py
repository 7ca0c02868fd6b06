"""A project with completions of many easy and hard videos, written by the real code, and studies of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.conftest import make_project
from tests.unit.report_project import EVALUATED, HEIGHT, WIDTH, _track, index_shard
from tgvac.clips.archive import zip_writing
from tgvac.clips.completion import Completion, CompletionMeta, add_completion
from tgvac.clips.recipe import Placement, Recipe, write_recipes
from tgvac.clips.tables import write_table
from tgvac.shards import write_index
from tgvac.stage import Context
from tgvac.study.build import Wishes, build
from tgvac.study.plan import Study
from tgvac.synthesis.clips import recipe_clips
from tgvac.synthesis.synthesis_stage import _OCCLUSION_COLUMNS, OCCLUSION_FORMAT

SCALE = "smoke"
METHODS = ("ours/full", "copy_visible/plain", "temporal_flow/plain")
_TRACKS = ("world/ape-1", "world/bee-2", "world/cat-3", "world/dog-4")
_FAR, _NEAR = 0.28, 0.02
"""Shifts of the occluder with which a video is easy or hard."""


def study_project(root: Path, easy: int = 11, hard: int = 11, without: Sequence[tuple[str, str]] = ()) -> Context:
    """A project folder with everything that a study is built from.

    Args:
        without: (method, sample) of completions that are left out.
    """
    make_project(root)
    ctx = Context(root=root, scale=SCALE, phase="study", digest="")
    made = [_track(ctx, video, seed) for seed, video in enumerate(_TRACKS)]
    write_index(ctx.results / "tracks" / "index.json", [track for track, _ in made])
    write_index(ctx.results / "masks" / "index.json", [masks for _, masks in made])
    recipes = [_recipe(n, _FAR) for n in range(easy)] + [_recipe(n, _NEAR) for n in range(easy, easy + hard)]
    write_recipes(ctx.results / "synthesis" / "recipes.parquet", recipes)
    clips = recipe_clips(ctx)
    rates = [
        {"recipe": sample, "frame": i, "rate": float(rate)}
        for sample in clips.samples()
        for i, rate in enumerate(clips.render(sample).occlusion_F)
    ]
    write_table(ctx.results / "synthesis" / "occlusion.parquet", rates, _OCCLUSION_COLUMNS, OCCLUSION_FORMAT)
    for position, name in enumerate(METHODS):
        write_completions(ctx, name, tint=30 * (position + 1), without=[s for m, s in without if m == name])
    return ctx


def write_completions(ctx: Context, name: str, tint: int, without: Sequence[str] = (), frames: int = EVALUATED) -> None:
    """The truth, darkened by a tint, as the completions of a method."""
    clips = recipe_clips(ctx)
    method, variant = name.split("/")
    path = ctx.results / "completion" / name / "seed0" / "shard-000.zip"
    with zip_writing(path) as sink:
        for sample in clips.samples():
            if sample in without:
                continue
            clip = clips.render(sample, range(frames))
            dark = np.clip(clip.whole_FHW3.astype(int) - tint, 0, 255).astype(np.uint8)
            meta = CompletionMeta(
                sample=sample,
                method=method,
                variant=variant,
                mask_source="given",
                train_seed=0,
                sample_seed=0,
                frames=frames,
                height=HEIGHT,
                width=WIDTH,
            )
            add_completion(sink, Completion(dark, clip.amodal_FHW), meta)
    index_shard(ctx, path)


def _recipe(number: int, shift: float) -> Recipe:
    """A target behind the square of another track; every source video has several."""
    target = _TRACKS[number % len(_TRACKS)]
    occluder = _TRACKS[(number + 1) % len(_TRACKS)]
    apart = (number + 1) % len(_TRACKS) - number % len(_TRACKS)
    return Recipe(
        recipe=f"{target}/1/r{number}",
        target=f"{target}/1",
        video=f"world/toy-{number // 2}",
        source="world",
        split="val",
        start=0,
        frame_step=1,
        frames=EVALUATED,
        occluders=(Placement(track=f"{occluder}/1", start=0, dx=shift - apart / WIDTH),),
        seed=0,
        mean_rate=0.3,
        max_rate=0.6,
    )


def synthetic_study(
    ctx: Context,
    folder: Path,
    per_class: int = 3,
    participants: int = 4,
    checks: int = 0,
    truth: bool = True,
    contact: str = "",
) -> Study:
    """A study in which programs vote, so that no table shows its votes."""
    wishes = Wishes(METHODS, participants, "study", "synthetic", contact)
    changes = {"per_class": per_class, "checks": checks, "side": 32, "truth": truth}
    return build(ctx.root, SCALE, folder, wishes, changes)
