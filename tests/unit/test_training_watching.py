"""Pictures during a training: which clips are watched, the picture's layout, and the loss on held-out clips."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.unit.test_evaluated import recipe
from tests.unit.tiny_models import (
    CHECKPOINTS,
    COMPUTE,
    CONDITIONS,
    CPU,
    DIFFUSION,
    FRAMING,
    LATENTS,
    SAMPLER,
    SAMPLES,
    TRAINING,
)
from tgvac.models.layouts import FRAME_MASK
from tgvac.models.params import DiffusionParams
from tgvac.models.runtime import normal
from tgvac.models.schedule import alphas_cumprod
from tgvac.sampling.condition import VideoCondition
from tgvac.training.noise_training import Blocks
from tgvac.training.run_params import SamplesParams
from tgvac.training.watching import HeldOut, Shown, choose, grid, watcher


def held_out_clips(diffusion: DiffusionParams, samples: SamplesParams, shown: Shown) -> HeldOut:
    """Held-out clips that are given, not read."""
    blocks = Blocks(diffusion, CONDITIONS, CHECKPOINTS, FRAMING, LATENTS, COMPUTE, samples, SAMPLER)
    nothing: Any = None
    held_out = HeldOut(nothing, TRAINING, blocks, nothing)
    held_out.__dict__["clips"] = [shown]
    return held_out


def test_one_recipe_of_each_object_is_chosen_first_then_further_ones() -> None:
    recipes = [recipe(video, number, 14) for video in "abc" for number in range(3)]
    assert Counter(r.target for r in choose(recipes, 3)) == Counter({r.target: 1 for r in recipes[::3]})
    assert Counter(r.target for r in choose(recipes, 6)) == Counter({r.target: 2 for r in recipes[::3]})
    assert sorted(r.recipe for r in choose(recipes, 20)) == sorted(r.recipe for r in recipes)


def test_the_choice_depends_on_names_and_not_on_the_order() -> None:
    recipes = [recipe(video, number, 14) for video in "abc" for number in range(3)]
    assert choose(recipes, 4) == choose(recipes[::-1], 4)


def test_another_recipe_does_not_change_the_order_of_the_others() -> None:
    recipes = [recipe(video, 0, 14) for video in "abcd"]
    order = [r.recipe for r in choose(recipes, 4)]
    with_another = [r.recipe for r in choose([*recipes, recipe("e", 0, 14)], 5)]
    assert [name for name in with_another if name in order] == order


def test_tiles_are_in_columns_with_white_between() -> None:
    columns = [tuple(np.full((4, 4, 3), 10 * x + y, np.uint8) for y in range(3)) for x in range(2)]
    picture = grid(columns)
    assert picture.shape == (3 * 6 - 2, 2 * 6 - 2, 3)
    assert [[int(picture[y * 6, x * 6, 0]) for x in range(2)] for y in range(3)] == [[0, 10], [1, 11], [2, 12]]
    assert (picture[4:6] == 255).all()
    assert (picture[:, 4:6] == 255).all()


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
def test_the_loss_on_held_out_clips_is_that_of_the_networks_prediction(prediction: str) -> None:
    z_Fchw = normal((2, 4, 3, 3), "held-out latents")
    text = torch.zeros(1, 5, 8)
    condition = VideoCondition(torch.zeros_like(z_Fchw), torch.zeros_like(z_Fchw), text, text, FRAME_MASK)
    diffusion = DIFFUSION.model_copy(update={"prediction": prediction})
    shown = Shown("s", condition, z_Fchw, np.empty(0), np.empty(0), np.empty(0))
    held_out = held_out_clips(diffusion, SAMPLES, shown)

    # A network that always returns 0: its error is its target.
    def answers_zero(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        z_t = x_BCFhw[:, :4]
        return torch.zeros_like(z_t) if prediction == "epsilon" else (1 - alphas[t_B]).sqrt() * z_t

    alphas, errors = alphas_cumprod(diffusion), []
    for quarter in range(4):
        a = float(alphas[125 + 250 * quarter])
        noise = normal((1, 4, 2, 3, 3), "validation noise", "s", quarter)[0].transpose(0, 1)
        velocity = math.sqrt(a) * noise - math.sqrt(1 - a) * z_Fchw
        errors.append(float((noise if prediction == "epsilon" else velocity).square().mean()))
    assert held_out.loss(answers_zero, CPU) == pytest.approx(sum(errors) / 4, rel=1e-5)


def test_a_picture_that_cannot_be_made_does_not_end_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    z_Fchw, text = normal((2, 4, 3, 3), "held-out latents"), torch.zeros(1, 5, 8)
    condition = VideoCondition(torch.zeros_like(z_Fchw), torch.zeros_like(z_Fchw), text, text, FRAME_MASK)
    samples = SamplesParams(every=5, pictures=1, sampling_steps=2, guidance=1.0)
    held_out = held_out_clips(DIFFUSION, samples, Shown("s", condition, z_Fchw, np.empty(2), np.empty(2), np.empty(2)))
    watcher(held_out, lambda x, t, text: torch.full_like(x[:, :4], math.nan), CPU)(5, tmp_path)
    said = "no picture at step 5: Sampling ended with latents that are not finite in 2 of 2 frames (steps 2, "
    assert capsys.readouterr().err.startswith(said)
    assert not list(tmp_path.iterdir())
