"""Networks as noise models of clips: whatever they predict, everything outside of them works with the noise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler

from tests.unit.tiny_models import CPU, DIFFUSION, SAMPLER, randn, unet_12, video_unet
from tgvac.errors import BadInput
from tgvac.models.fit import check_prediction
from tgvac.models.layouts import FRAME_MASK
from tgvac.models.noise_models import (
    NoiseModel,
    as_epsilon_model,
    frame_noise_model,
    loss_weights,
    video_noise_model,
)
from tgvac.models.schedule import alphas_cumprod, network_scheduler, noise_schedule
from tgvac.sampling.scheduler import ddim, network_sampler
from tgvac.training.objective import Batch, noise_loss

V = DIFFUSION.model_copy(update={"prediction": "v"})
SCHEDULE, ALPHAS = noise_schedule(V), alphas_cumprod(V)
Z, NOISE, T = randn(3, 4, 2, 5, 5), randn(3, 4, 2, 5, 5, seed=1), torch.tensor([0, 500, 999])
BATCH = Batch(Z, torch.zeros_like(Z), torch.zeros_like(Z), torch.zeros(3, 1, 1), NOISE, T, FRAME_MASK)
VELOCITY = SCHEDULE.get_velocity(Z, NOISE, T)


def always(output: torch.Tensor) -> NoiseModel:
    """A network whose output is known."""
    return lambda x, t, text: output


def test_a_saved_scheduler_says_what_the_network_predicts() -> None:
    for of in (network_scheduler, lambda diffusion: network_sampler(diffusion, SAMPLER)):
        assert of(V).config.prediction_type == "v_prediction"
        assert of(DIFFUSION).config.prediction_type == "epsilon"
    assert noise_schedule(V).config.prediction_type == ddim(V, SAMPLER).config.prediction_type == "epsilon"


def test_noised_latents_and_velocity_are_those_of_the_papers() -> None:
    a = ALPHAS.double()[T].view(-1, 1, 1, 1, 1)
    # Ho et al. 2020, equation 4, and Salimans and Ho 2022.
    z_t, v = a.sqrt() * Z + (1 - a).sqrt() * NOISE, a.sqrt() * NOISE - (1 - a).sqrt() * Z
    torch.testing.assert_close(SCHEDULE.add_noise(Z, NOISE, T), z_t.float(), rtol=0, atol=1e-6)
    torch.testing.assert_close(VELOCITY, v.float(), rtol=0, atol=1e-6)


def test_the_noise_follows_from_the_velocity() -> None:
    x = torch.cat([SCHEDULE.add_noise(Z, NOISE, T), torch.zeros(3, 8, 2, 5, 5)], dim=1)
    model = as_epsilon_model(always, V)(VELOCITY)
    torch.testing.assert_close(model(x, T, BATCH.text_BND), NOISE, rtol=0, atol=2e-5)


def test_networks_that_predict_the_noise_are_left_alone() -> None:
    assert as_epsilon_model(always, DIFFUSION) is always
    assert loss_weights(DIFFUSION, ALPHAS) is None


def test_the_weighed_loss_of_the_noise_is_the_plain_loss_of_the_velocity() -> None:
    off = randn(3, 4, 2, 5, 5, seed=2)
    model = as_epsilon_model(always, V)(VELOCITY + off)
    found = noise_loss(model, BATCH, SCHEDULE, CPU, loss_weights(V, ALPHAS))
    torch.testing.assert_close(found.mean, off.square().mean(), rtol=1e-4, atol=0)
    assert found.parts["loss_quarter_4"][0] == pytest.approx(float(off[2].square().mean() * ALPHAS[999]), rel=1e-3)


def test_a_sampler_that_is_given_the_velocity_takes_the_same_step(tmp_path: Path) -> None:
    network_sampler(V, SAMPLER).save_pretrained(tmp_path)
    theirs, ours = DDIMScheduler.from_pretrained(tmp_path), ddim(V, SAMPLER)
    for scheduler in (theirs, ours):
        scheduler.set_timesteps(4)
    assert theirs.timesteps.tolist() == ours.timesteps.tolist()
    t = int(ours.timesteps[1])
    times = torch.tensor([t] * 3)
    z_t = SCHEDULE.add_noise(Z, NOISE, times)
    step = theirs.step(SCHEDULE.get_velocity(Z, NOISE, times), t, z_t).prev_sample
    torch.testing.assert_close(step, ours.step(NOISE, t, z_t).prev_sample, rtol=0, atol=2e-5)


def test_a_network_that_predicts_something_else_is_refused_with_both_words() -> None:
    check_prediction("here", {"prediction_type": "v_prediction"}, "v")
    check_prediction("here", {}, "epsilon")
    with pytest.raises(BadInput, match=r"here: the UNet predicts 'epsilon', and diffusion\.prediction is 'v'"):
        check_prediction("here", {"prediction_type": "epsilon"}, "v")


@pytest.mark.parametrize(
    "network",
    [
        lambda: frame_noise_model(unet_12()),
        lambda: video_noise_model(video_unet()),
        lambda: video_noise_model(video_unet(block="paper")),
    ],
    ids=["frame", "video", "paper"],
)
def test_each_clip_of_a_batch_has_its_own_time_and_text(network: Callable[[], NoiseModel]) -> None:
    model, x_BCFhw = network(), randn(2, 12, 3, 8, 8)
    t_B, text_BND = torch.tensor([20, 900]), randn(2, 12, 16, seed=1)
    with torch.no_grad():
        both = model(x_BCFhw, t_B, text_BND)
        alone = [model(x_BCFhw[i : i + 1], t_B[i : i + 1], text_BND[i : i + 1]) for i in range(2)]
        mixed_up = model(x_BCFhw[:1], t_B[:1], text_BND[1:])
    torch.testing.assert_close(both, torch.cat(alone), rtol=0, atol=1e-5)
    assert not torch.allclose(mixed_up, alone[0], atol=1e-4)
