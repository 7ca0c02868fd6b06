"""Samples drawn by name: a contact sheet of many, and strips of a few for the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tgvac.card.params import DatasetParams
from tgvac.clip.images import on_white, resize_rgb
from tgvac.clip.recipe import Recipe
from tgvac.report.strips import GAP, LINE, QUIET, Canvas, rate_words, width_of
from tgvac.seeds import rng, unit
from tgvac.synthesis.clips import RecipeClips


def drawn(what: str, recipes: Sequence[Recipe], count: int) -> list[Recipe]:
    """Recipes that a draw by their names puts first, of as many source videos as can be; fewer where there are fewer.

    Args:
        what: the name of the draw.
    """
    ranked = sorted(recipes, key=lambda r: (unit(what, r.recipe), r.recipe))
    firsts: dict[str, Recipe] = {}
    for recipe in ranked:
        firsts.setdefault(recipe.video, recipe)
    rest = [recipe for recipe in ranked if firsts[recipe.video] is not recipe]
    return [*firsts.values(), *rest][:count]


def contact_sheet(recipes: Sequence[Recipe], clips: RecipeClips, params: DatasetParams) -> np.ndarray:
    """A picture of samples, ``uint8 [H,W,3]``: of each, one frame drawn by name as input, visible part and truth.

    Args:
        recipes: what to show, by rows; at most ``sheet_rows`` times ``sheet_columns``.
    """
    tiles = []
    for recipe in recipes:
        frame = int(rng("contact sheet", "frame", recipe.recipe).integers(recipe.frames))
        clip = clips.render(recipe.recipe, [frame])
        seen_HW3 = on_white(clip.frames_FHW3[0], clip.visible_FHW[0])
        pictures = [_fitted(each, params.sheet_side) for each in (clip.frames_FHW3[0], seen_HW3, clip.whole_FHW3[0])]
        said = f"{recipe.split}, frame {frame}, {rate_words(float(clip.occlusion_F[0]))}"
        tiles.append(((recipe.recipe, said), pictures))
    height = max(picture.shape[0] for _, pictures in tiles for picture in pictures)
    width = max(picture.shape[1] for _, pictures in tiles for picture in pictures)
    cell = max(3 * (width + GAP), *(width_of(line) for lines, _ in tiles for line in lines)) + 2 * GAP
    columns = min(params.sheet_columns, len(tiles))
    tall = height + 3 * LINE
    canvas = Canvas(-(-len(tiles) // columns) * tall + GAP, columns * cell + GAP)
    for n, ((name, said), pictures) in enumerate(tiles):
        x, y = 2 * GAP + (n % columns) * cell, GAP + (n // columns) * tall
        canvas.text([name], x, y)
        canvas.text([said], x, y + LINE, QUIET)
        for k, picture_HW3 in enumerate(pictures):
            canvas.tile(picture_HW3, x + k * (width + GAP), y + 2 * LINE + 2, 1)
    return canvas.pixels()


def _fitted(picture_HW3: np.ndarray, side: int) -> np.ndarray:
    """A picture no longer than a side: small ones are enlarged by whole pixels, large ones shrunk."""
    height, width = picture_HW3.shape[:2]
    longer = max(height, width)
    if longer > side:
        return resize_rgb(picture_HW3, max(1, round(height * side / longer)), max(1, round(width * side / longer)))
    zoom = side // longer
    return np.repeat(np.repeat(picture_HW3, zoom, axis=0), zoom, axis=1)
