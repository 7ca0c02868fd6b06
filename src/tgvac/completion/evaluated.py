"""Which clips are evaluated, and how many of their frames: decided by their names, never by results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tgvac.clips.recipe import Recipe
from tgvac.completion.params import EvaluationParams
from tgvac.methods.params import MethodParams
from tgvac.seeds import unit

SHORT = MethodParams()
"""A method without changes, to ask for the clips of all methods that complete the short ones."""


def frames_of(recipe: Recipe, evaluation: EvaluationParams, method: MethodParams) -> int:
    """How many of a recipe's first frames a method completes."""
    return min(evaluation.long.frames if method.clips == "long" else evaluation.frames, recipe.frames)


def evaluated(recipes: Iterable[Recipe], evaluation: EvaluationParams, method: MethodParams) -> list[Recipe]:
    """The recipes that a method completes, sorted by id.

    At most ``per_video`` recipes of each source video are taken (0: all), drawn by name: recipes of one video resemble
    each other and would outweigh other videos. Of long recipes, with at least ``long.frames`` frames, one a video is
    taken, from at most ``long.videos`` videos (0: all).
    """
    mine = [r for r in recipes if r.split == evaluation.split]
    if method.clips == "long":
        firsts = _first(mine, 1, evaluation.long.frames)
        drawn = sorted(firsts, key=lambda r: (unit("evaluated video", r.video), r.video))
        mine = drawn[: evaluation.long.videos or None]
    elif evaluation.per_video:
        mine = _first(mine, evaluation.per_video, 1)
    return sorted(mine, key=lambda r: r.recipe)


def _first(recipes: list[Recipe], count: int, frames: int) -> list[Recipe]:
    """The first ``count`` of each source video in an order drawn by name, of those that are long enough."""
    by_video: dict[str, list[Recipe]] = defaultdict(list)
    for recipe in recipes:
        if recipe.frames >= frames:
            by_video[recipe.video].append(recipe)
    drawn = (sorted(mine, key=lambda r: (unit("evaluated", r.recipe), r.recipe)) for mine in by_video.values())
    return [recipe for mine in drawn for recipe in mine[:count]]
