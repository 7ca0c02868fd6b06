"""The samples that outputs from elsewhere are scored on: the short clips, which all methods of Table 2 complete."""

from __future__ import annotations

from collections.abc import Collection

from tgvac.clips.recipe import read_recipes
from tgvac.completion.evaluated import SHORT, evaluated, frames_of
from tgvac.completion.params import EvaluationParams
from tgvac.errors import BadInput
from tgvac.stage import Context


def evaluated_frames(ctx: Context, evaluation: EvaluationParams) -> dict[str, int]:
    """The evaluated samples of a scale, and how many of their first frames count.

    Raises:
        BadInput: when the scale has not been run so far.
    """
    table = ctx.results / "synthesis" / "recipes.parquet"
    if not table.is_file():
        raise BadInput(
            f"Scale '{ctx.scale}' has no clips yet; run `tgvac run --scale {ctx.scale} --target metrics` first."
        )
    recipes = read_recipes(table)
    return {r.recipe: frames_of(r, evaluation, SHORT) for r in evaluated(recipes, evaluation, SHORT)}


def named(samples: Collection[str], most: int = 3) -> str:
    """Some names of many, for a sentence."""
    shown = sorted(samples)
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")
