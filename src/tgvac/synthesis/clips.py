"""Clips from recipes: the ``ClipSource`` of everything that was synthesised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

import numpy as np

from tgvac.clip.clip import Clip
from tgvac.clip.recipe import Placement, Recipe, read_recipes
from tgvac.clip.track import Track
from tgvac.errors import BadInput
from tgvac.shards import read_index
from tgvac.stage import Context
from tgvac.synthesis.compositing import composite, layer_of

OpenTrack = Callable[[str], Track]


class RecipeClips:
    """Renders recipes; bounded memory: a clip at a time, a few tracks open.

    Args:
        recipes: what to render.
        open_track: opens a track, with its refined masks, by id.
    """

    def __init__(self, recipes: Iterable[Recipe], open_track: OpenTrack) -> None:
        self._recipes = {r.recipe: r for r in recipes}
        self._open = lru_cache(maxsize=8)(open_track)

    def samples(self) -> tuple[str, ...]:
        return tuple(sorted(self._recipes))

    def recipe(self, sample: str) -> Recipe:
        return self._recipes[sample]

    def length(self, sample: str) -> int:
        return self._recipes[sample].frames

    def render(self, sample: str, frames: Iterable[int] | None = None) -> Clip:
        """A clip, or only some of its frames."""
        recipe = self._recipes[sample]
        wanted = list(range(recipe.frames) if frames is None else frames)
        if bad := [i for i in wanted if not 0 <= i < recipe.frames]:
            raise ValueError(f"{sample} has frames 0 to {recipe.frames - 1}; {bad[0]} was asked for")
        target = self._open(recipe.target)
        indices = recipe.target_indices()
        at = [indices[i] for i in wanted]
        height, width = target.meta.height, target.meta.width
        layers = [self._layer(recipe, placement, wanted, height, width) for placement in recipe.occluders]
        behind_FHW3 = (target.frame(i) for i in at)
        return composite(sample, recipe.video, recipe.target, behind_FHW3, target.masks(at), layers)

    def _layer(
        self, recipe: Recipe, placement: Placement, wanted: Iterable[int], height: int, width: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """An occluder's colours and alpha before each wanted frame, one by one."""
        occluder = self._open(placement.track)
        turns = placement.shown(occluder.meta.frames, recipe.frames)
        for i in wanted:
            shown, progress = turns[i], recipe.progress(i)
            frame_HW3, mask_HW = occluder.frame(shown), occluder.mask(shown)
            yield layer_of(frame_HW3, mask_HW, placement, height, width, progress, recipe.feather)


def track_opener(ctx: Context) -> OpenTrack:
    """Opens tracks of a scale with their refined masks."""
    tracks = read_index(ctx.results / "tracks" / "index.json")
    masks = read_index(ctx.results / "masks" / "index.json")

    def open_track(track: str) -> Track:
        if track not in tracks or track not in masks:
            raise BadInput(
                f"Track '{track}' stands in a recipe, but not among the tracks of scale '{ctx.scale}';"
                " run `tgvac stage synthesis` again."
            )
        return Track(ctx.upstream("tracks", tracks[track]), ctx.upstream("masks", masks[track]))

    return open_track


def recipe_clips(ctx: Context, split: str | None = None) -> RecipeClips:
    """All clips of a scale, or those of one split."""
    recipes = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
    return RecipeClips((r for r in recipes if split is None or r.split == split), track_opener(ctx))


def clip_keys(ctx: Context, recipes: Iterable[Recipe]) -> dict[str, list[object]]:
    """For each recipe what decides its pixels: the recipe, and the digests of its tracks and masks."""
    tracks = read_index(ctx.results / "tracks" / "index.json")
    masks = read_index(ctx.results / "masks" / "index.json")
    keys: dict[str, list[object]] = {}
    for recipe in recipes:
        parts = [recipe.target, *(p.track for p in recipe.occluders)]
        digests = [[tracks[t].sha256, masks[t].sha256] for t in parts if t in tracks and t in masks]
        keys[recipe.recipe] = [recipe.model_dump(mode="json"), digests]
    return keys
