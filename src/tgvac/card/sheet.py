"""A random draw of samples, and a contact sheet of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tgvac.card.params import DatasetParams
from tgvac.clips.images import on_white
from tgvac.clips.recipe import Recipe
from tgvac.report.sheets import Tiles, sheet
from tgvac.report.strips import rate_words
from tgvac.seeds import rng, unit
from tgvac.synthesis.clips import RecipeClips


def drawn(what: str, recipes: Sequence[Recipe], count: int) -> list[Recipe]:
    """Draw recipes at random, from as many source videos as possible; all of them if there are fewer than ``count``.

    The draw depends only on its name and on the recipes' ids, so that other recipes do not change it.

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
    """A picture of samples, ``uint8 [H,W,3]``: one random frame of each, as input, visible part and truth.

    Args:
        recipes: the samples, row by row; at most ``sheet_rows`` times ``sheet_columns``.
    """
    samples = []
    for recipe in recipes:
        frame = int(rng("contact sheet", "frame", recipe.recipe).integers(recipe.frames))
        clip = clips.render(recipe.recipe, [frame])
        visible_HW3 = on_white(clip.frames_FHW3[0], clip.visible_FHW[0])
        note = f"{recipe.split}, frame {frame}, {rate_words(float(clip.occlusion_F[0]))}"
        samples.append(Tiles(recipe.recipe, note, (clip.frames_FHW3[0], visible_HW3, clip.whole_FHW3[0])))
    return sheet(samples, params.sheet_columns, params.sheet_side)
