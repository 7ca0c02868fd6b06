"""Networks that predict the velocity: all that is outside of them is told the noise."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler

from tests.unit.tiny_models import CPU, DIFFUSION, randn
from tgvac.errors import BadInput
from tgvac.models.fit import check_prediction
from tgvac.models.noise_models import NoiseModel, as_epsilon_model, loss_weights
from tgvac.models.schedule import add_noise, alphas_cumprod, scheduler_of, velocity
from tgvac.training.objective import Batch, noise_loss

V = DIFFUSION.model_copy(update={"prediction": "v"})
ALPHAS = alphas_cumprod(V)
Z, NOISE, T = randn(3, 4, 2, 5, 5), randn(3, 4, 2, 5, 5, seed=1), torch.tensor([0, 500, 999])
BATCH = Batch(Z, torch.zeros_like(Z), torch.zeros_like(Z), torch.zeros(3, 1, 1), NOISE, T)


def always(output: torch.Tensor) -> NoiseModel:
    """A network whose output is known."""
    return lambda x, t, text: output


def test_velocity_is_as_diffusers_has_it() -> None:
    scheduler = scheduler_of(V)
    assert scheduler.config.prediction_type == "v_prediction"
    assert scheduler_of(DIFFUSION).config.prediction_type == "epsilon"
    torch.testing.assert_close(velocity(ALPHAS, Z, NOISE, T), scheduler.get_velocity(Z, NOISE, T))


def test_who_knows_the_velocity_tells_the_noise() -> None:
    z_t = add_noise(ALPHAS, Z, NOISE, T)
    x = torch.cat([z_t, torch.zeros(3, 8, 2, 5, 5)], dim=1)
    model = as_epsilon_model(always, V)(velocity(ALPHAS, Z, NOISE, T))
    torch.testing.assert_close(model(x, T, BATCH.text_BND), NOISE, rtol=0, atol=2e-5)


def test_networks_that_tell_the_noise_are_left_alone() -> None:
    assert as_epsilon_model(always, DIFFUSION) is always
    assert loss_weights(DIFFUSION, ALPHAS) is None


def test_the_weighed_loss_of_the_noise_is_the_plain_loss_of_the_velocity() -> None:
    exact, off = velocity(ALPHAS, Z, NOISE, T), randn(3, 4, 2, 5, 5, seed=2)
    model = as_epsilon_model(always, V)(exact + off)
    found = noise_loss(model, BATCH, ALPHAS, CPU, loss_weights(V, ALPHAS))
    torch.testing.assert_close(found.mean, off.square().mean(), rtol=1e-4, atol=0)
    assert found.parts["loss_quarter_4"][0] == pytest.approx(float(off[2].square().mean() * ALPHAS[999]), rel=1e-3)


def test_a_sampler_that_is_told_the_velocity_takes_the_same_step(tmp_path: Path) -> None:
    scheduler_of(V).save_pretrained(tmp_path)
    theirs, ours = DDIMScheduler.from_pretrained(tmp_path), scheduler_of(DIFFUSION)
    for scheduler in (theirs, ours):
        scheduler.set_timesteps(4)
    t = int(ours.timesteps[1])
    times = torch.tensor([t] * 3)
    z_t = add_noise(ALPHAS, Z, NOISE, times)
    step = theirs.step(velocity(ALPHAS, Z, NOISE, times), t, z_t).prev_sample
    torch.testing.assert_close(step, ours.step(NOISE, t, z_t).prev_sample, rtol=0, atol=2e-5)


def test_a_network_that_predicts_something_else_is_refused_with_both_words() -> None:
    check_prediction("here", {"prediction_type": "v_prediction"}, "v")
    check_prediction("here", {}, "epsilon")
    with pytest.raises(BadInput, match=r"here: the UNet predicts 'epsilon', and diffusion\.prediction is 'v'"):
        check_prediction("here", {"prediction_type": "epsilon"}, "v")
