"""Temporal diffusion: one denoising of a whole video by overlapping windows.

At every step each window's noise is predicted (guidance included), predictions are averaged over the
windows that see a frame, and one DDIM step moves the whole video. With eta = 0 a step is affine in
the prediction, so this equals averaging the windows' steps, as MultiDiffusion does, and it works with
any scheduler.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from tgvac.errors import BadInput
from tgvac.models.frame_unet import stack_channels
from tgvac.models.params import DiffusionParams, SamplerParams
from tgvac.models.runtime import normal
from tgvac.models.schedule import ddim
from tgvac.models.windows import windows

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel, UNetMotionModel

# Shapes: B clips, F frames, c latent channels, C = 3c input channels, h, w latents, N tokens, D text width.


class NotFinite(BadInput):
    """Sampling that ended in numbers of which no picture can be made; decoded, they would be black."""


class NoiseModel(Protocol):
    """Predicts noise of clips: ``x [B,C,F,h,w]``, ``t [B]``, ``text [B,N,D]`` to ``[B,c,F,h,w]``.

    Where ``diffusion.told`` is the velocity, it is that. Guidance and averages weigh with numbers that add up to one,
    so that they do the same to either.
    """

    def __call__(self, x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor: ...


def frame_noise_model(unet: UNet2DConditionModel) -> NoiseModel:
    """The frame model as a noise model of clips: every frame by itself."""

    def predict(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        batch, channels, frames, height, width = x_BCFhw.shape
        x = x_BCFhw.transpose(1, 2).reshape(batch * frames, channels, height, width)
        noise: torch.Tensor = unet(x, t_B.repeat_interleave(frames), text_BND.repeat_interleave(frames, 0)).sample
        return noise.view(batch, frames, -1, height, width).transpose(1, 2)

    return predict


def video_noise_model(unet: UNetMotionModel) -> NoiseModel:
    """The video model as a noise model of clips."""

    def predict(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        # UNetMotionModel repeats the time for each frame by itself, but not the text.
        noise: torch.Tensor = unet(x_BCFhw, t_B, text_BND.repeat_interleave(x_BCFhw.shape[2], 0)).sample
        return noise

    return predict


@dataclass(frozen=True)
class VideoCondition:
    """What a video is completed from; latents ``[F,c,h,w]`` as the model takes them, text ``[1,N,D]``."""

    frame_Fchw: torch.Tensor
    mask_Fchw: torch.Tensor
    text_1ND: torch.Tensor
    null_text_1ND: torch.Tensor


def initial_noise(frames: int, shape: tuple[int, ...], sample: str, seed: int) -> torch.Tensor:
    """Start noise ``[F,*shape]``, drawn a frame at a time by name, so that a longer video starts alike."""
    return torch.stack([normal(shape, "sample", sample, seed, i) for i in range(frames)])


@torch.no_grad()
def sample_video(
    model: NoiseModel,
    condition: VideoCondition,
    noise_Fchw: torch.Tensor,
    diffusion: DiffusionParams,
    sampler: SamplerParams,
    device: torch.device,
    on_step: Callable[[], None] = lambda: None,
    step_noise: Callable[[int], torch.Tensor] | None = None,
) -> torch.Tensor:
    """Denoise a video of any length, ``float32 [F,c,h,w]`` scaled latents on the CPU.

    Args:
        model: predicts the noise of windows.
        noise_Fchw: where sampling starts, of unit variance.
        on_step: called after each denoising step.
        step_noise: the fresh noise ``[F,c,h,w]`` of a noise level; needed where eta is above 0.

    Raises:
        NotFinite: when a latent is no finite number in the end.
    """
    if diffusion.eta > 0 and step_noise is None:
        raise ValueError(f"eta {diffusion.eta} adds noise at every step, and none is given")
    scheduler = ddim(diffusion)
    scheduler.set_timesteps(diffusion.sampling_steps)
    spans = windows(len(noise_Fchw), sampler.clip_frames, sampler.hop)
    z: torch.Tensor = noise_Fchw * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        noise = average_windows(model, condition, z, int(t), spans, sampler, device)
        # Left to itself, the scheduler would draw from the global generator, whatever the seed.
        fresh = step_noise(int(t)) if step_noise is not None and diffusion.eta > 0 else None
        z = scheduler.step(noise, t, z, eta=diffusion.eta, variance_noise=fresh).prev_sample
        on_step()
    _check_finite(z, diffusion)
    return z


def _check_finite(z_Fchw: torch.Tensor, diffusion: DiffusionParams) -> None:
    # Once is enough: a number that is not finite stays so, whatever is added to it.
    bad_F = ~z_Fchw.isfinite().flatten(1).all(1)
    if bad_F.any():
        calm = "eta 0, or " if diffusion.eta > 0 else ""
        raise NotFinite(
            f"Sampling ended with latents that are not finite in {int(bad_F.sum())} of {len(bad_F)} frames"
            f" (sampling_steps {diffusion.sampling_steps}, eta {diffusion.eta:g}, prediction '{diffusion.prediction}');"
            f" take {calm}a model whose training went well."
        )


def average_windows(
    model: NoiseModel,
    condition: VideoCondition,
    z_Fchw: torch.Tensor,
    t: int,
    spans: list[range],
    sampler: SamplerParams,
    device: torch.device,
) -> torch.Tensor:
    """The noise of a whole video at one step: guided predictions, averaged where windows overlap.

    ``batch_windows`` windows go through the model at once; only they are on the device.
    """
    total = torch.zeros_like(z_Fchw)
    counts = torch.zeros(len(z_Fchw), 1, 1, 1)
    for first in range(0, len(spans), sampler.batch_windows):
        group = spans[first : first + sampler.batch_windows]
        guided = _guided(model, condition, z_Fchw, t, group, sampler, device)
        for span, noise in zip(group, guided, strict=True):
            total[span.start : span.stop] += noise
            counts[span.start : span.stop] += 1
    return total / counts


def _guided(
    model: NoiseModel,
    condition: VideoCondition,
    z_Fchw: torch.Tensor,
    t: int,
    group: list[range],
    sampler: SamplerParams,
    device: torch.device,
) -> torch.Tensor:
    """Guided noise of several windows of one length, ``[B,n,c,h,w]`` on the CPU."""

    def cut(x_Fchw: torch.Tensor) -> torch.Tensor:
        return torch.stack([x_Fchw[s.start : s.stop] for s in group]).transpose(1, 2)

    frame, mask = cut(condition.frame_Fchw), cut(condition.mask_Fchw)
    x = stack_channels(cut(z_Fchw), frame, mask)
    text = condition.text_1ND.expand(len(group), -1, -1)
    times = torch.full((len(group),), t, dtype=torch.long)
    if sampler.guidance == 1.0:
        return model(x.to(device), times.to(device), text.to(device)).float().cpu().transpose(1, 2)
    if sampler.unconditional == "text":
        null = x
    else:
        null = stack_channels(cut(z_Fchw), torch.zeros_like(frame), torch.zeros_like(mask))
    null_text = condition.null_text_1ND.expand(len(group), -1, -1)
    both = model(
        torch.cat([null, x]).to(device), torch.cat([times, times]).to(device), torch.cat([null_text, text]).to(device)
    )
    without, with_text = both.float().cpu().chunk(2)
    return (without + sampler.guidance * (with_text - without)).transpose(1, 2)
