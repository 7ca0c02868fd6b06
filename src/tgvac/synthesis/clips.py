"""Clips from recipes: the ``ClipSource`` of synthesised videos."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

import cv2
import numpy as np

from tgvac.clips.clip import Clip
from tgvac.clips.framed import FramedClip, Seen, frame_whole
from tgvac.clips.framing import FramingParams, frame_mask, frame_rgb, windows_of
from tgvac.clips.recipe import Placement, Recipe, read_recipes
from tgvac.clips.track import Track
from tgvac.errors import BadInput
from tgvac.shards import read_index
from tgvac.stage import Context
from tgvac.synthesis.compositing import alpha_of, composite, covered, lay, layer_of, place

OpenTrack = Callable[[str], Track]


class RecipeClips:
    """Renders recipes. Memory is bounded: one clip, and a few open tracks.

    Args:
        recipes: the recipes to render.
        open_track: opens a track with its refined masks, by id.
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
        recipe, target, positions = self._find(sample, frames)
        indices = recipe.target_indices()
        at = [indices[i] for i in positions]
        layers = [_Layer(self._open(p.track), p, recipe, target) for p in recipe.occluders]
        target_FHW3 = (target.frame(i) for i in at)
        occluders = [map(layer.draw, positions) for layer in layers]
        return composite(sample, recipe.video, recipe.target, target_FHW3, target.masks(at), occluders)

    def framed(
        self, sample: str, framing: FramingParams, frames: Iterable[int] | None = None, seen: Seen | None = None
    ) -> FramedClip:
        """A clip framed for a model: the same bits as :func:`frame_clip`, without holding all full frames in memory."""
        recipe, target, positions = self._find(sample, frames)
        indices = recipe.target_indices()
        at = [indices[i] for i in positions]
        layers = [_Layer(self._open(p.track), p, recipe, target) for p in recipe.occluders]
        # The windows depend on the masks of all frames, so masks come first.
        amodal_FHW = [target.mask(k) for k in at]
        masks = [[layer.mask(i) for i in positions] for layer in layers]
        alphas = [
            [layer.alpha(i, mask_HW) for i, mask_HW in zip(positions, each, strict=True)]
            for layer, each in zip(layers, masks, strict=True)
        ]
        soft = recipe.feather > 0
        # Frame by frame, to reuse memory: allocating all masks at once takes as long as the computation.
        visible_FHW = list(amodal_FHW)
        for each in alphas:
            hidden = map(covered, each) if soft else each  # a hard alpha is a mask already
            visible_FHW = [cv2.subtract(m, h) for m, h in zip(visible_FHW, hidden, strict=True)]
        seen_FHW = seen(np.stack(visible_FHW)) if seen else visible_FHW
        windows = windows_of(framing, seen_FHW)
        out = FramedClip.empty(sample, recipe.target, len(at), framing.size)
        canvas_HW3 = np.empty((target.meta.height, target.meta.width, 3), np.uint8)
        for f, (i, window) in enumerate(zip(positions, windows, strict=True)):
            canvas_HW3[:] = target_HW3 = target.frame(at[f])
            out.whole_FSS3[f] = frame_whole(target_HW3, amodal_FHW[f], window, framing.size)
            for layer, masks_F, alphas_F in zip(layers, masks, alphas, strict=True):
                lay(canvas_HW3, layer.colours(i, masks_F[f]), alphas_F[f], soft)
            out.frames_FSS3[f] = frame_rgb(canvas_HW3, window, framing.size, framing.pad)
            out.visible_FSS[f] = frame_mask(seen_FHW[f], window, framing.size)
        return out

    def _find(self, sample: str, frames: Iterable[int] | None) -> tuple[Recipe, Track, list[int]]:
        """The recipe, its opened target, and the positions of the requested frames."""
        recipe = self._recipes[sample]
        positions = list(range(recipe.frames) if frames is None else frames)
        if bad := [i for i in positions if not 0 <= i < recipe.frames]:
            raise ValueError(f"frame {bad[0]} of {sample} was requested, but it has frames 0 to {recipe.frames - 1}")
        return recipe, self._open(recipe.target), positions


class _Layer:
    """One occluder of a recipe, by the frame's position in the clip; nothing is cached."""

    def __init__(self, occluder: Track, placement: Placement, recipe: Recipe, target: Track) -> None:
        self._occluder, self._placement, self._recipe = occluder, placement, recipe
        self._size = target.meta.height, target.meta.width
        self._shown = placement.shown(occluder.meta.frames, recipe.frames)

    def mask(self, i: int) -> np.ndarray:
        """The mask in the occluder's own frame."""
        return self._occluder.mask(self._shown[i])

    def alpha(self, i: int, mask_HW: np.ndarray) -> np.ndarray:
        """The alpha in the target's frame, from the occluder's own mask."""
        return alpha_of(mask_HW, self._placement, *self._size, self._recipe.progress(i), self._recipe.feather)

    def colours(self, i: int, mask_HW: np.ndarray) -> np.ndarray:
        """The colours in the target's frame; they are undefined where alpha is 0."""
        frame_HW3, progress = self._occluder.frame(self._shown[i]), self._recipe.progress(i)
        if self._recipe.feather == 0:
            return place(frame_HW3, self._placement, *self._size, progress)
        return layer_of(frame_HW3, mask_HW, self._placement, *self._size, progress, self._recipe.feather)[0]

    def draw(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """The colours and the alpha in the target's frame."""
        frame_HW3, mask_HW = self._occluder.frame(self._shown[i]), self.mask(i)
        progress, feather = self._recipe.progress(i), self._recipe.feather
        return layer_of(frame_HW3, mask_HW, self._placement, *self._size, progress, feather)


def track_opener(ctx: Context) -> OpenTrack:
    """Returns a function that opens a track of this scale with its refined masks."""
    tracks = read_index(ctx.results / "tracks" / "index.json")
    masks = read_index(ctx.results / "masks" / "index.json")

    def open_track(track: str) -> Track:
        if track not in tracks or track not in masks:
            raise BadInput(
                f"Track '{track}' is in a recipe, but not among the tracks and masks of scale '{ctx.scale}';"
                " run `tgvac stage synthesis` again."
            )
        return Track(ctx.upstream("tracks", tracks[track]), ctx.upstream("masks", masks[track]))

    return open_track


def recipe_clips(ctx: Context, split: str | None = None) -> RecipeClips:
    """All clips of a scale, or those of one split."""
    recipes = read_recipes(ctx.results / "synthesis" / "recipes.parquet")
    return RecipeClips((r for r in recipes if split is None or r.split == split), track_opener(ctx))


def clip_keys(ctx: Context, recipes: Iterable[Recipe]) -> dict[str, list[object]]:
    """For each recipe, everything that determines its pixels: the recipe, and the digests of its tracks and masks."""
    tracks = read_index(ctx.results / "tracks" / "index.json")
    masks = read_index(ctx.results / "masks" / "index.json")
    keys: dict[str, list[object]] = {}
    for recipe in recipes:
        parts = [recipe.target, *(p.track for p in recipe.occluders)]
        digests = [[tracks[t].sha256, masks[t].sha256] for t in parts if t in tracks and t in masks]
        keys[recipe.recipe] = [recipe.model_dump(mode="json"), digests]
    return keys
