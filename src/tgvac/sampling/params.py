"""Parameters of inference: the sampler, windows and guidance. No training reads them."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from tgvac.config import Block
from tgvac.models.params import DiffusionParams

START_NOISE = 0.5
"""The least share of noise, in variance, at the first sampled level: sampling starts from noise alone."""


class SamplerParams(Block):
    """Temporal diffusion and guidance.

    Attributes:
        steps: denoising steps.
        timestep_spacing: which noise levels are sampled, as in diffusers.
        eta: share of fresh noise in each step; 0 is DDIM, 1 is DDPM.
        clip_frames: frames of a window.
        stride: frames from one window to the next.
        guidance: weight of classifier-free guidance; 1 is none.
        unconditional: what the unconditional prediction goes without.
        batch_windows: windows that go through the model at once.
    """

    steps: int = Field(ge=1)
    timestep_spacing: Literal["leading", "trailing"]
    eta: float = Field(ge=0, le=1)
    clip_frames: int = Field(ge=1)
    stride: int = Field(ge=1)
    guidance: float = Field(ge=0)
    unconditional: Literal["text", "text_and_image"]
    batch_windows: int = Field(ge=1)

    @model_validator(mode="after")
    def _windows_meet(self) -> Self:
        if self.stride > self.clip_frames:
            raise ValueError(
                f"stride {self.stride} leaves frames out between windows of clip_frames {self.clip_frames}"
            )
        return self


def check_sampling(sampler: SamplerParams, diffusion: DiffusionParams, key: str = "sampler.steps") -> None:
    """Refuse a sampler that cannot start or step on a noise schedule.

    Args:
        key: what the messages call the number of steps.

    Raises:
        ValueError: when there are more steps than levels, the first level is far from noise alone, or the first step
            has no size.
    """
    steps, levels = sampler.steps, diffusion.train_steps
    # Leading steps have an offset of one, so that all of them would reach one level too far.
    most = levels - (sampler.timestep_spacing == "leading")
    if steps > most:
        raise ValueError(f"{key} {steps} exceed {most}, all that the schedule has")
    first = first_level(sampler, levels)
    noise = float(1 - _signal_shares(diffusion)[first])
    if noise < START_NOISE:
        raise ValueError(
            f"sampling starts from noise alone, but with {key} {steps} and timestep_spacing"
            f" {sampler.timestep_spacing} its first level is {first} of {levels - 1}, where noise is {noise:.0%} of the"
            " variance, so it would return noise; take more steps, or timestep_spacing trailing"
        )
    # Fresh noise alone leads away from a level without signal at eta 1. What is left for the prediction is
    # 1 - a - std^2, which is 0 and may be rounded below it, and then has no root.
    if diffusion.zero_terminal_snr and sampler.eta == 1 and first == levels - 1:
        raise ValueError(
            f"zero_terminal_snr with eta {sampler.eta:g} has a first step of {steps} whose size is the root of a"
            " difference that may be rounded below 0; take an eta below 1, such as 0, or set zero_terminal_snr to false"
        )


def first_level(sampler: SamplerParams, levels: int) -> int:
    """The noisiest level that is sampled, from 0, of so many levels."""
    if sampler.timestep_spacing == "trailing":
        return levels - 1
    return (sampler.steps - 1) * (levels // sampler.steps) + 1


def _signal_shares(diffusion: DiffusionParams) -> np.ndarray:
    """The share of signal in the variance at each level, ``float64 [T]``: Ho et al. 2020, cumulative alphas."""
    power = 0.5 if diffusion.beta_schedule == "scaled_linear" else 1.0
    ends = diffusion.beta_start**power, diffusion.beta_end**power
    alphas_T = np.cumprod(1 - np.linspace(*ends, diffusion.train_steps) ** (1 / power))
    if diffusion.zero_terminal_snr:
        # Lin et al. 2024, algorithm 1.
        roots_T = np.sqrt(alphas_T)
        alphas_T = ((roots_T - roots_T[-1]) * roots_T[0] / (roots_T[0] - roots_T[-1])) ** 2
    return np.asarray(alphas_T)
