"""The sampled noise levels, and samplers that cannot start or step on a noise schedule."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler

from tests.unit.tiny_models import DIFFUSION, SAMPLER
from tgvac.models.params import DiffusionParams
from tgvac.models.schedule import alphas_cumprod
from tgvac.sampling.params import START_NOISE, SamplerParams, _signal_shares, check_sampling, first_level
from tgvac.sampling.scheduler import ddim

ZERO = DIFFUSION.model_copy(update={"zero_terminal_snr": True, "prediction": "v"})
LINEAR = DIFFUSION.model_copy(update={"beta_schedule": "linear", "beta_start": 1e-4, "beta_end": 2e-2})
SHORT = LINEAR.model_copy(update={"train_steps": 50})


def sampler(steps: int, spacing: str) -> SamplerParams:
    return SAMPLER.model_copy(update={"steps": steps, "timestep_spacing": spacing})


def test_betas_are_scaled_linear_and_steps_those_of_stable_diffusion() -> None:
    betas_T = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    np.testing.assert_allclose(alphas_cumprod(DIFFUSION).numpy(), np.cumprod(1 - betas_T), rtol=1e-4)
    scheduler = ddim(DIFFUSION, sampler(30, "leading"))
    scheduler.set_timesteps(30)
    assert scheduler.timesteps.tolist() == list(range(958, 0, -33))
    assert not scheduler.config.clip_sample
    assert scheduler.final_alpha_cumprod == scheduler.alphas_cumprod[0]


def test_trailing_spacing_starts_at_the_last_level() -> None:
    scheduler = ddim(DIFFUSION, sampler(4, "trailing"))
    scheduler.set_timesteps(4)
    assert scheduler.timesteps.tolist() == [999, 749, 499, 249]


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 30, 50, 999])
def test_the_first_level_is_the_scheduler_s(steps: int, spacing: str) -> None:
    chosen = sampler(steps, spacing)
    scheduler = ddim(DIFFUSION, chosen)
    scheduler.set_timesteps(steps)
    assert first_level(chosen, DIFFUSION.train_steps) == int(scheduler.timesteps[0])


@pytest.mark.parametrize("diffusion", [DIFFUSION, ZERO, LINEAR, SHORT], ids=["scaled", "zero", "linear", "short"])
def test_shares_of_signal_are_the_scheduler_s_cumulative_alphas(diffusion: DiffusionParams) -> None:
    scheduler = DDIMScheduler(
        num_train_timesteps=diffusion.train_steps,
        beta_start=diffusion.beta_start,
        beta_end=diffusion.beta_end,
        beta_schedule=diffusion.beta_schedule,
        rescale_betas_zero_snr=diffusion.zero_terminal_snr,
    )
    found = torch.from_numpy(_signal_shares(diffusion))
    torch.testing.assert_close(found, scheduler.alphas_cumprod.double(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("diffusion", [DIFFUSION, ZERO], ids=["scaled", "zero"])
def test_one_leading_step_is_refused_since_it_starts_where_there_is_almost_no_noise(diffusion: DiffusionParams) -> None:
    message = r"with sampler\.steps 1 and timestep_spacing leading its first level is 1 of 999, where noise is 0% of"
    with pytest.raises(ValueError, match=message):
        check_sampling(sampler(1, "leading"), diffusion)
    with pytest.raises(ValueError, match=r"with num_inference_steps 1 and"):
        check_sampling(sampler(1, "leading"), diffusion, "num_inference_steps")


@pytest.mark.parametrize("diffusion", [DIFFUSION, ZERO, LINEAR], ids=["scaled", "zero", "linear"])
@pytest.mark.parametrize(
    ("steps", "spacing"),
    [(3, "leading"), (30, "leading"), (999, "leading"), *((n, "trailing") for n in (1, 2, 3, 30, 1000))],
)
def test_samplers_that_start_near_noise_alone_are_taken(diffusion: DiffusionParams, steps: int, spacing: str) -> None:
    check_sampling(sampler(steps, spacing), diffusion)


@pytest.mark.parametrize("diffusion", [DIFFUSION, ZERO, LINEAR, SHORT], ids=["scaled", "zero", "linear", "short"])
@pytest.mark.parametrize("steps", range(1, 10))
def test_a_first_level_of_less_than_half_noise_is_refused(diffusion: DiffusionParams, steps: int) -> None:
    chosen = sampler(steps, "leading")
    noise = 1 - float(alphas_cumprod(diffusion)[first_level(chosen, diffusion.train_steps)])
    if noise >= START_NOISE:
        check_sampling(chosen, diffusion)
    else:
        with pytest.raises(ValueError, match=rf"noise is {noise:.0%} of the variance"):
            check_sampling(chosen, diffusion)
    assert START_NOISE == 0.5
    # Fifty levels of these betas never reach half noise, whatever the steps.
    assert noise < START_NOISE or diffusion is not SHORT


@pytest.mark.parametrize(("steps", "spacing", "most"), [(1001, "trailing", 1000), (1000, "leading", 999)])
def test_more_steps_than_levels_are_refused(steps: int, spacing: str, most: int) -> None:
    with pytest.raises(ValueError, match=rf"sampler\.steps {steps} is more than the {most} that"):
        check_sampling(sampler(steps, spacing), DIFFUSION)
