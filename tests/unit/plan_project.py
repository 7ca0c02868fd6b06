"""Shared by the tests of ``tgvac plan``: models with round costs, params by hand, the command itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.params_project import ROOT, overlay
from tgvac import cli
from tgvac.clips.recipe import Recipe
from tgvac.models.cost.walk import Parameters, StepFlops
from tgvac.params import load_params
from tgvac.planning.counts import Counts, Footage
from tgvac.planning.reference import load_costs

COSTS = load_costs(ROOT)


@dataclass
class RoundModels:
    """Networks whose costs are round numbers, so that a test can add them up by hand."""

    encode: int = 10_000
    decode: int = 1_000
    text: int = 100
    clip_image: int = 7
    frame_forward: int = 1
    frame_step: StepFlops = StepFlops(1, 3)  # noqa: RUF009  # frozen

    def motion_forward(self, frames: int) -> int:
        return 2 * frames

    def motion_step(self, frames: int) -> StepFlops:
        return StepFlops(frames, 5 * frames)

    def lpips(self, net: str) -> int:
        return 3

    @property
    def parameters(self) -> dict[str, Parameters]:
        return {"frame": Parameters(10, 10), "motion": Parameters(15, 5)}


def counts(*recipes: Recipe, pairs: int = 0) -> Counts:
    return Counts("by hand", False, (Footage("world", "davis", 3, 60),), recipes, pairs)


def method_params(project: Path, text: str) -> Any:
    overlay(project, "extends: smoke\n" + text)
    return load_params(project, "mine")


def called(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main(["plan", *arguments])
    return int(caught.value.code or 0)
