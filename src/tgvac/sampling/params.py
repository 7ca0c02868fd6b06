"""Parameters of inference: sampler, windows and guidance. They do not change the result of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from tgvac.config import Block
from tgvac.errors import BadInput
from tgvac.models.params import DiffusionParams

START_NOISE = 0.5
"""The smallest share of noise in the variance at the first sampled level, since sampling starts from pure noise."""

FAST: Mapping[str, Any] = {"steps": 10, "solver": "multistep", "eta": 0.0, "overlap": 0.0}
"""The preset *fast*: what it sets of the sampler; a model of fewer steps keeps its own. docs/long-videos.md says how it
was chosen."""


class SamplerParams(Block):
    """Temporal diffusion and guidance.

    Attributes:
        steps: denoising steps.
        timestep_spacing: how the noise levels are spaced, as in diffusers.
        eta: share of fresh noise in each step; 0 is DDIM, 1 is DDPM.
        clip_frames: frames of a window.
        stride: frames from the start of one window to the next.
        guidance: scale of classifier-free guidance; 1 turns it off.
        unconditional: which conditions the unconditional prediction lacks.
        guided_levels: guidance is applied from the first to the second of these noise levels, both included, in shares
            of all levels; elsewhere the model is called with the condition alone (Kynkaanniemi et al. 2024).
        solver: ``ddim``, or ``multistep``: DPM-Solver++ of second order (Lu et al. 2022), for fewer steps.
        overlap: share of the steps, from the first on, whose windows are ``stride`` apart. In the others windows do
            not overlap, and begin at other frames in each step.
        weights: how the frames of a window count where windows overlap.
        ends: ``inside``: the first window begins at the first frame, the last ends at the last. ``reflect``: windows go
            on beyond both ends, where the video runs backwards.
        batch_windows: windows that go through the model at once.
    """

    steps: int = Field(ge=1)
    timestep_spacing: Literal["leading", "trailing"]
    eta: float = Field(ge=0, le=1)
    clip_frames: int = Field(ge=1)
    stride: int = Field(ge=1)
    guidance: float = Field(ge=0)
    unconditional: Literal["text", "text_and_image"]
    guided_levels: tuple[float, float]
    solver: Literal["ddim", "multistep"]
    overlap: float = Field(ge=0, le=1)
    weights: Literal["flat", "triangular"]
    ends: Literal["inside", "reflect"]
    batch_windows: int = Field(ge=1)

    def guided_at(self, t: int, levels: int) -> bool:
        """Whether guidance is applied at noise level ``t`` of ``levels``, from 0."""
        low, high = self.guided_levels
        return self.guidance != 1.0 and low <= (t + 1) / levels <= high

    @model_validator(mode="after")
    def _levels_in_order(self) -> Self:
        low, high = self.guided_levels
        if not 0 <= low <= high <= 1:
            raise ValueError(f"guided_levels {low:g}, {high:g} are not in order within 0 and 1; give [0, 1] for all")
        return self

    @model_validator(mode="after")
    def _solver_without_noise(self) -> Self:
        if self.solver == "multistep" and self.eta > 0:
            raise ValueError(f"solver multistep adds no noise, but eta is {self.eta:g}; set eta to 0")
        return self

    @model_validator(mode="after")
    def _windows_meet(self) -> Self:
        if self.stride > self.clip_frames:
            raise ValueError(
                f"stride {self.stride} leaves frames out between windows of clip_frames {self.clip_frames}; lower it"
            )
        return self


def with_changes(sampler: SamplerParams, changes: Mapping[str, Any], fast: bool = False) -> dict[str, Any]:
    """The keys of a sampler with changes, over those of the preset *fast* where it is asked for.

    Args:
        changes: those that are None change nothing.

    Raises:
        BadInput: when there is a stride besides the preset, whose windows do not overlap.
    """
    given = {key: value for key, value in changes.items() if value is not None}
    if not fast:
        return {**sampler.model_dump(), **given}
    if "stride" in given:
        raise BadInput("stride has no effect with fast, whose windows do not overlap; leave one of them out.")
    preset = {**FAST, "steps": min(sampler.steps, FAST["steps"])}
    found = {**sampler.model_dump(), **preset, **given}
    # Only windows that overlap have a stride; it must not be longer than those of the call.
    return {**found, "stride": min(found["stride"], found["clip_frames"])}


def check_sampling(sampler: SamplerParams, diffusion: DiffusionParams, key: str = "sampler.steps") -> None:
    """Refuse a sampler that cannot start or step on a noise schedule.

    Args:
        key: name of the number of steps in messages.

    Raises:
        ValueError: when there are more steps than levels, when less than half of the variance is noise at the first
            level, or when the first step may take the root of a negative number.
    """
    steps, levels = sampler.steps, diffusion.train_steps
    # Leading steps are offset by one, so the last of ``levels`` steps would be one level too far.
    most = levels - (sampler.timestep_spacing == "leading")
    if steps > most:
        raise ValueError(f"{key} {steps} is more than the {most} that the noise schedule allows; lower it")
    first = first_level(sampler, levels)
    noise = float(1 - _signal_shares(diffusion)[first])
    if noise < START_NOISE:
        raise ValueError(
            f"sampling starts from noise alone, but with {key} {steps} and timestep_spacing"
            f" {sampler.timestep_spacing} its first level is {first} of {levels - 1}, where noise is {noise:.0%} of the"
            " variance, so it would return noise; take more steps, or set timestep_spacing to trailing"
        )
    # At eta 1 the first step from a level without signal is all fresh noise. The prediction's weight is the root of
    # 1 - a - std^2, which is 0 and may be rounded to a negative number.
    if diffusion.zero_terminal_snr and sampler.eta == 1 and first == levels - 1:
        raise ValueError(
            f"zero_terminal_snr with eta {sampler.eta:g} has a first step of {steps} whose weight is the root of a"
            " difference that may be rounded below 0; take an eta below 1, such as 0, or set zero_terminal_snr to false"
        )


def first_level(sampler: SamplerParams, levels: int) -> int:
    """The noisiest level that is sampled, counted from 0.

    Args:
        levels: noise levels of the schedule.
    """
    if sampler.timestep_spacing == "trailing":
        return levels - 1
    return (sampler.steps - 1) * (levels // sampler.steps) + 1


def _signal_shares(diffusion: DiffusionParams) -> np.ndarray:
    """The share of signal in the variance at each level, ``float64 [T]``: the cumulative alphas of Ho et al. 2020.

    Written in numpy, since loading params must not import torch.
    """
    power = 0.5 if diffusion.beta_schedule == "scaled_linear" else 1.0
    ends = diffusion.beta_start**power, diffusion.beta_end**power
    alphas_T = np.cumprod(1 - np.linspace(*ends, diffusion.train_steps) ** (1 / power))
    if diffusion.zero_terminal_snr:
        # Lin et al. 2024, algorithm 1.
        roots_T = np.sqrt(alphas_T)
        alphas_T = ((roots_T - roots_T[-1]) * roots_T[0] / (roots_T[0] - roots_T[-1])) ** 2
    return np.asarray(alphas_T)
