"""The noise schedule: one set of betas, for training (DDPM) and for sampling (DDIM)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from tgvac.models.params import DiffusionParams, Prediction

if TYPE_CHECKING:
    from diffusers import DDIMScheduler

PREDICTION_TYPES: dict[Prediction, str] = {"epsilon": "epsilon", "v": "v_prediction"}
"""As diffusers names them."""


def schedule_config(params: DiffusionParams) -> dict[str, Any]:
    """What a scheduler of diffusers needs to know of the schedule; how it is sampled comes on top.

    ``clip_sample`` is off: latents are not in [-1, 1], and averaging noise predictions over windows equals averaging
    their steps only without it. ``prediction_type`` is ``params.target``, what noise models return.
    """
    return {
        "num_train_timesteps": params.train_steps,
        "beta_start": params.beta_start,
        "beta_end": params.beta_end,
        "beta_schedule": params.beta_schedule,
        "clip_sample": False,
        "set_alpha_to_one": False,
        "prediction_type": PREDICTION_TYPES[params.target],
        "rescale_betas_zero_snr": params.zero_terminal_snr,
    }


def noise_schedule(params: DiffusionParams) -> DDIMScheduler:
    """The schedule as training uses it: ``add_noise``, ``get_velocity`` and ``alphas_cumprod``, ``float32 [T]``."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(**schedule_config(params))


def alphas_cumprod(params: DiffusionParams) -> torch.Tensor:
    """The cumulative products of alpha, ``float32 [T]``."""
    alphas_T: torch.Tensor = noise_schedule(params).alphas_cumprod.float()
    return alphas_T


def network_scheduler(params: DiffusionParams) -> DDIMScheduler:
    """What is saved beside a network trained on this schedule; it says what the network itself predicts.

    Levels are spaced ``trailing``, so that any number of steps starts from noise alone.
    """
    from diffusers import DDIMScheduler

    predicts = PREDICTION_TYPES[params.prediction]
    return DDIMScheduler(**schedule_config(params) | {"prediction_type": predicts, "timestep_spacing": "trailing"})
