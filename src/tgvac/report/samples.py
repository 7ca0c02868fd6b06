"""A sample as the page shows it: the clip, its caption, and the completion by each method."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tgvac.clips.captions import Caption
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completions
from tgvac.clips.recipe import Recipe
from tgvac.clips.tables import read_table
from tgvac.completion.evaluated import SHORT, frames_of
from tgvac.completion.params import EvaluationParams
from tgvac.completion.shards import all_shards
from tgvac.errors import BadInput
from tgvac.methods.params import MethodParams
from tgvac.methods.registry import Methods, seeds_of
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips
from tgvac.synthesis.synthesis_stage import OCCLUSION_FORMAT


@dataclass(frozen=True)
class Sample:
    """One sample, with all frames that were to be completed.

    Attributes:
        rate: mean occlusion rate over the frames that have the object.
        completions: ``method/variant`` to RGB ``uint8 [F,H,W,3]``, None if the run has no completion.
        hidden_psnr: ``method/variant`` to the sample's mean PSNR of hidden pixels in dB, if the run has one.
    """

    clip: Clip
    caption: str
    rate: float
    completions: Mapping[str, np.ndarray | None]
    hidden_psnr: Mapping[str, float] = field(default_factory=dict)


def mean_rates(
    recipes: Sequence[Recipe],
    occlusion: Mapping[str, Sequence[float]],
    evaluation: EvaluationParams,
    of: MethodParams = SHORT,
) -> dict[str, float]:
    """Mean occlusion rate of each recipe over the frames to complete; 0 if none of them has the object."""
    means = {}
    for recipe in recipes:
        rates = [r for r in occlusion[recipe.recipe][: frames_of(recipe, evaluation, of)] if not math.isnan(r)]
        means[recipe.recipe] = sum(rates) / len(rates) if rates else 0.0
    return means


def occlusion_rates(ctx: Context, recipes: Sequence[Recipe]) -> dict[str, list[float]]:
    """The occlusion rates of each recipe's frames, in order; NaN where the object is absent.

    Raises:
        BadInput: when a recipe lacks frames.
    """
    path = ctx.results / "synthesis" / "occlusion.parquet"
    rates: dict[str, dict[int, float]] = defaultdict(dict)
    for row in read_table(path, OCCLUSION_FORMAT):
        rates[row["recipe"]][row["frame"]] = row["rate"]
    for recipe in recipes:
        if len(rates[recipe.recipe]) != recipe.frames:
            raise BadInput(
                f"{path} has {len(rates[recipe.recipe])} of the {recipe.frames} frames of '{recipe.recipe}';"
                " run `tgvac stage synthesis` again."
            )
    return {name: [by_frame[i] for i in sorted(by_frame)] for name, by_frame in rates.items()}


class Outputs:
    """The completions of a scale; for a method with several training seeds, those of the first."""

    def __init__(self, ctx: Context, evaluation: EvaluationParams, methods: Methods) -> None:
        self._ctx, self._methods = ctx, methods
        self._seeds = evaluation.train_seeds
        self._where: dict[str, dict[str, Path]] = {}

    def read(self, method: str, sample: str) -> np.ndarray | None:
        """The completed frames, RGB ``uint8 [F,H,W,3]``, or None."""
        path = self._shards(method).get(sample)
        if path is None:
            return None
        completions = Completions(path)
        with completions.store:
            return completions.read(sample).rgb_FHW3

    def _shards(self, method: str) -> dict[str, Path]:
        """The shard that holds each sample."""
        if method not in self._where:
            found: dict[str, Path] = {}
            for path in all_shards(self._ctx, method, seeds_of(method, self._seeds, self._methods)[0]):
                completions = Completions(path)
                with completions.store:
                    found.update(dict.fromkeys(completions.samples(), path))
            self._where[method] = found
        return self._where[method]


def read_sample(
    sample: str,
    rate: float,
    *,
    clips: RecipeClips,
    captions: Mapping[str, Caption],
    outputs: Outputs,
    methods: Sequence[str],
    hidden_psnr: Mapping[str, float],
    evaluation: EvaluationParams,
    of: MethodParams = SHORT,
) -> Sample:
    """Render a sample and read its completion by each method; ``of`` says which clips these methods complete."""
    recipe = clips.recipe(sample)
    clip = clips.render(sample, range(frames_of(recipe, evaluation, of)))
    completions = {method: outputs.read(method, sample) for method in methods}
    for method, rgb_FHW3 in completions.items():
        if rgb_FHW3 is not None and rgb_FHW3.shape != clip.frames_FHW3.shape:
            raise BadInput(
                f"{method} completed '{sample}' as {rgb_FHW3.shape}, but the clip is {clip.frames_FHW3.shape};"
                " run `tgvac stage completion` again."
            )
    caption = captions[recipe.target].text if recipe.target in captions else ""
    return Sample(clip, caption, rate, completions, hidden_psnr)
