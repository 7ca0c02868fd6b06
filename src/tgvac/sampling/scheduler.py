"""The DDIM sampler (paper, section 4.1: 30 steps), on the noise schedule of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tgvac.models.params import DiffusionParams
from tgvac.models.schedule import PREDICTION_TYPES, schedule_config
from tgvac.sampling.params import SamplerParams

if TYPE_CHECKING:
    from diffusers import DDIMScheduler


def ddim(diffusion: DiffusionParams, sampler: SamplerParams) -> DDIMScheduler:
    """The sampler of noise models, which return ``diffusion.target`` (see :mod:`tgvac.models.noise_models`).

    Leading levels are offset by one, as in Stable Diffusion 1.5.
    """
    from diffusers import DDIMScheduler

    spacing = sampler.timestep_spacing
    return DDIMScheduler(
        **schedule_config(diffusion), steps_offset=1 if spacing == "leading" else 0, timestep_spacing=spacing
    )


def network_sampler(diffusion: DiffusionParams, sampler: SamplerParams) -> DDIMScheduler:
    """The same sampler for calling the network directly; it is saved beside it and knows what it predicts."""
    from diffusers import DDIMScheduler

    config = ddim(diffusion, sampler).config
    network: DDIMScheduler = DDIMScheduler.from_config(config, prediction_type=PREDICTION_TYPES[diffusion.prediction])
    return network
