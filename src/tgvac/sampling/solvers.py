"""The solvers that take one denoising step: DDIM, and DPM-Solver++ of second order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch

from tgvac.models.params import DiffusionParams
from tgvac.sampling.params import SamplerParams
from tgvac.sampling.scheduler import ddim

# Shapes: n frames, c latent channels, h, w latents.


@dataclass(frozen=True)
class Stepped:
    """Latents after a step, and the image that was predicted in it."""

    z_nchw: torch.Tensor
    image_nchw: torch.Tensor


class Solver(Protocol):
    """Takes steps of some frames of a video; each frame by itself."""

    timesteps: torch.Tensor
    """The noise levels of the steps."""
    remembers: bool
    """Whether a step needs the image of the step before."""

    def step(
        self,
        k: int,
        prediction_nchw: torch.Tensor,
        z_nchw: torch.Tensor,
        before_nchw: torch.Tensor | None,
        fresh_nchw: torch.Tensor | None,
    ) -> Stepped:
        """Take step ``k``, from 0.

        Args:
            prediction_nchw: of noise models: ``diffusion.target``.
            before_nchw: the image of the step before, if the solver remembers it.
            fresh_nchw: noise of unit variance, if eta is above 0.
        """
        ...


def solver_of(diffusion: DiffusionParams, sampler: SamplerParams) -> Solver:
    """The sampler's solver."""
    return Ddim(diffusion, sampler) if sampler.solver == "ddim" else Multistep(diffusion, sampler)


class Ddim:
    """DDIM (Song et al. 2021)."""

    remembers = False

    def __init__(self, diffusion: DiffusionParams, sampler: SamplerParams) -> None:
        self._scheduler, self._eta = ddim(diffusion, sampler), sampler.eta
        self._scheduler.set_timesteps(sampler.steps)
        self.timesteps = self._scheduler.timesteps

    def step(
        self,
        k: int,
        prediction_nchw: torch.Tensor,
        z_nchw: torch.Tensor,
        before_nchw: torch.Tensor | None,
        fresh_nchw: torch.Tensor | None,
    ) -> Stepped:
        # Without variance_noise the scheduler would draw from the global generator and ignore the seed.
        found = self._scheduler.step(
            prediction_nchw, self.timesteps[k], z_nchw, eta=self._eta, variance_noise=fresh_nchw
        )
        return Stepped(found.prev_sample, found.pred_original_sample)


class Multistep:
    """DPM-Solver++ of second order with two steps (Lu et al. 2022, algorithm 2); its first and last step are DDIM's.

    Written here and not taken from diffusers, whose scheduler keeps the images of all that goes through it, in memory
    and one step for all: a long video goes through in parts, and a stopped run goes on.
    """

    remembers = True

    def __init__(self, diffusion: DiffusionParams, sampler: SamplerParams) -> None:
        scheduler = ddim(diffusion, sampler)
        scheduler.set_timesteps(sampler.steps)
        self.timesteps = scheduler.timesteps
        self._velocity = diffusion.target == "v"
        shares_T = scheduler.alphas_cumprod.double()
        reached = [*shares_T[self.timesteps].tolist(), float(scheduler.final_alpha_cumprod)]
        self._signal = [share**0.5 for share in reached]
        self._noise = [(1 - share) ** 0.5 for share in reached]

    def step(
        self,
        k: int,
        prediction_nchw: torch.Tensor,
        z_nchw: torch.Tensor,
        before_nchw: torch.Tensor | None,
        fresh_nchw: torch.Tensor | None,
    ) -> Stepped:
        assert before_nchw is not None
        assert fresh_nchw is None
        signal, noise = self._signal[k], self._noise[k]
        if self._velocity:
            image = signal * z_nchw - noise * prediction_nchw
        else:
            image = (z_nchw - noise * prediction_nchw) / signal
        # The image goes on changing as it did since the step before.
        first_or_last = k in (0, len(self.timesteps) - 1)
        ahead = image if first_or_last else image + self._share(k) * (image - before_nchw)
        ratio = self._noise[k + 1] / noise
        return Stepped(ratio * z_nchw + (self._signal[k + 1] - ratio * signal) * ahead, image)

    def _share(self, k: int) -> float:
        """Half of this step's length over that of the step before, in log signal-to-noise."""
        if self._signal[k - 1] == 0:
            return 0.0
        before, here, after = (math.log(self._signal[i] / self._noise[i]) for i in (k - 1, k, k + 1))
        return (after - here) / (here - before) / 2
