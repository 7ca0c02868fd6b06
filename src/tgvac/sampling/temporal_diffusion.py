"""Temporal diffusion: denoises a whole video by overlapping windows (paper, section 3.4).

At each step, the noise of every window is predicted with guidance, the predictions are averaged over the windows that
contain a frame, and one DDIM step is taken for the whole video. With eta = 0 a step is affine in the prediction, so
this equals averaging the steps of the windows, as MultiDiffusion does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from tgvac.errors import BadInput
from tgvac.models.noise_models import NoiseModel
from tgvac.models.params import DiffusionParams
from tgvac.models.runtime import normal
from tgvac.sampling.condition import VideoCondition
from tgvac.sampling.guidance import guided
from tgvac.sampling.params import SamplerParams
from tgvac.sampling.scheduler import ddim
from tgvac.sampling.windows import average_windows, windows

# Shapes: F frames, c latent channels, h, w latents.


OnStep = Callable[[int, int, torch.Tensor], torch.Tensor | None]
"""Called after each denoising step with its number from 0, its noise level and the latents ``[F,c,h,w]``; returns the
latents to go on with, or None for the same."""


class NotFinite(BadInput):
    """Sampling ended with numbers that are not finite; their images would be black."""


def initial_noise(frames: int, shape: tuple[int, ...], sample: str, seed: int) -> torch.Tensor:
    """Initial noise ``[F,*shape]``, drawn frame by frame by name, so that it does not depend on the video's length."""
    return torch.stack([normal(shape, "sample", sample, seed, i) for i in range(frames)])


@torch.no_grad()
def sample_video(
    model: NoiseModel,
    condition: VideoCondition,
    noise_Fchw: torch.Tensor,
    diffusion: DiffusionParams,
    sampler: SamplerParams,
    device: torch.device,
    on_step: OnStep = lambda index, t, latents: None,
    step_noise: Callable[[int], torch.Tensor] | None = None,
) -> torch.Tensor:
    """Denoise a video of any length, ``float32 [F,c,h,w]`` scaled latents on the CPU.

    Args:
        model: predicts the noise of windows.
        noise_Fchw: the initial noise, of unit variance.
        on_step: called after each denoising step; see :data:`OnStep`.
        step_noise: returns the fresh noise ``[F,c,h,w]`` of a noise level; needed if eta is above 0.

    Raises:
        NotFinite: when a latent is not finite at the end.
        ValueError: when eta is above 0 and no ``step_noise`` is given.
    """
    if sampler.eta > 0 and step_noise is None:
        raise ValueError(f"eta {sampler.eta} adds noise at every step, but step_noise is None; give it, or eta 0")
    scheduler = ddim(diffusion, sampler)
    scheduler.set_timesteps(sampler.steps)
    spans = windows(len(noise_Fchw), sampler.clip_frames, sampler.stride)
    z: torch.Tensor = noise_Fchw * scheduler.init_noise_sigma
    for index, level in enumerate(scheduler.timesteps):
        t, latents = int(level), z

        def predict(some: Sequence[range], t: int = t, latents: torch.Tensor = latents) -> torch.Tensor:
            return guided(model, condition, latents, t, some, sampler, device)

        noise = average_windows(predict, z, spans, sampler.batch_windows)
        # Without variance_noise the scheduler would draw from the global generator and ignore the seed.
        fresh = step_noise(t) if step_noise is not None and sampler.eta > 0 else None
        z = scheduler.step(noise, level, z, eta=sampler.eta, variance_noise=fresh).prev_sample
        changed = on_step(index, t, z)
        z = z if changed is None else changed
    _check_finite(z, diffusion, sampler)
    return z


def _check_finite(z_Fchw: torch.Tensor, diffusion: DiffusionParams, sampler: SamplerParams) -> None:
    # Checked once at the end, since a number that is not finite stays so.
    bad_F = ~z_Fchw.isfinite().flatten(1).all(1)
    if bad_F.any():
        advice = "set eta to 0, or " if sampler.eta > 0 else ""
        raise NotFinite(
            f"Sampling ended with latents that are not finite in {int(bad_F.sum())} of {len(bad_F)} frames"
            f" (steps {sampler.steps}, eta {sampler.eta:g}, prediction '{diffusion.prediction}');"
            f" {advice}use a model whose training converged."
        )
