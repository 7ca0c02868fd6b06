"""The noise schedule: the same betas for training (DDPM) and sampling (DDIM)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from tgvac.models.params import DiffusionParams, Prediction

if TYPE_CHECKING:
    from diffusers import DDIMScheduler

PREDICTION_TYPES: dict[Prediction, str] = {"epsilon": "epsilon", "v": "v_prediction"}
"""Names in diffusers."""


def schedule_config(params: DiffusionParams) -> dict[str, Any]:
    """The arguments of a scheduler of diffusers that describe the schedule, without those of sampling.

    ``clip_sample`` is off, since latents are not in [-1, 1], and since averaging noise predictions over windows equals
    averaging their steps only without it. ``prediction_type`` is ``params.target``, what noise models return.
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
    """The schedule for training: has ``add_noise``, ``get_velocity`` and ``alphas_cumprod``, ``float32 [T]``."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(**schedule_config(params))


def alphas_cumprod(params: DiffusionParams) -> torch.Tensor:
    """The cumulative products of alpha, ``float32 [T]``."""
    alphas_T: torch.Tensor = noise_schedule(params).alphas_cumprod.float()
    return alphas_T


def network_scheduler(params: DiffusionParams) -> DDIMScheduler:
    """The scheduler saved beside a network trained on this schedule; its ``prediction_type`` is the network's own.

    Levels are spaced ``trailing``, so that sampling starts from noise alone with any number of steps.
    """
    from diffusers import DDIMScheduler

    predicts = PREDICTION_TYPES[params.prediction]
    return DDIMScheduler(**schedule_config(params) | {"prediction_type": predicts, "timestep_spacing": "trailing"})
