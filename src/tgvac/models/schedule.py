"""Noise schedules: DDPM in training, DDIM at inference, from the same betas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from tgvac.models.params import DiffusionParams

if TYPE_CHECKING:
    from diffusers import DDIMScheduler

# As diffusers calls them.
_PREDICTION_TYPES = {"epsilon": "epsilon", "v": "v_prediction"}


def ddim(params: DiffusionParams) -> DDIMScheduler:
    """The DDIM sampler (paper, section 4.1: 30 steps), with Stable Diffusion 1.5's settings.

    ``clip_sample`` is off: latents are not in [-1, 1], and averaging noise predictions over windows equals
    averaging their steps only without it. It is told what ``params.told`` says (see ``prediction``).
    """
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=params.train_steps,
        beta_start=params.beta_start,
        beta_end=params.beta_end,
        beta_schedule=params.beta_schedule,
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1 if params.timestep_spacing == "leading" else 0,
        prediction_type=_PREDICTION_TYPES[params.told],
        timestep_spacing=params.timestep_spacing,
        rescale_betas_zero_snr=params.zero_terminal_snr,
    )


def scheduler_of(params: DiffusionParams) -> DDIMScheduler:
    """The same sampler for whoever calls the network directly, as it is saved beside it: it knows what is predicted."""
    from diffusers import DDIMScheduler

    told = _PREDICTION_TYPES[params.prediction]
    scheduler: DDIMScheduler = DDIMScheduler.from_config(ddim(params).config, prediction_type=told)
    return scheduler


def velocity(alphas_T: torch.Tensor, z_Bchw: torch.Tensor, noise_Bchw: torch.Tensor, t_B: torch.Tensor) -> torch.Tensor:
    """v = sqrt(a_t) noise - sqrt(1 - a_t) z (Salimans and Ho 2022); trailing axes are broadcast."""
    a = alphas_T[t_B].view(-1, *[1] * (z_Bchw.ndim - 1))
    return a.sqrt() * noise_Bchw - (1 - a).sqrt() * z_Bchw


def alphas_cumprod(params: DiffusionParams) -> torch.Tensor:
    """The cumulative products of alpha, ``float32 [T]``, of the same schedule that is sampled."""
    alphas_T: torch.Tensor = ddim(params).alphas_cumprod.float()
    return alphas_T


def add_noise(
    alphas_T: torch.Tensor, z_Bchw: torch.Tensor, noise_Bchw: torch.Tensor, t_B: torch.Tensor
) -> torch.Tensor:
    """z_t = sqrt(a_t) z + sqrt(1 - a_t) noise (Ho et al. 2020, equation 4); trailing axes are broadcast."""
    a = alphas_T[t_B].view(-1, *[1] * (z_Bchw.ndim - 1))
    return a.sqrt() * z_Bchw + (1 - a).sqrt() * noise_Bchw
