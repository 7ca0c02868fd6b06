"""The objective of both stages: predict the noise (paper, equations 2 and 3), or the velocity.

The frame stage has clips of one frame, the motion stage of several. All frames of a clip have the same noise level, as
in AnimateDiff. Targets are sampled from the autoencoder's posterior and scaled. Conditions are its mode and, by
default, not scaled, as in pix2gestalt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from tgvac.latents.latent_clips import TrainingClips
from tgvac.latents.mask_noise import mask_draw
from tgvac.latents.text_states import TextStates
from tgvac.models.layouts import LAYOUTS, ChannelLayout
from tgvac.models.noise_models import NoiseModel
from tgvac.models.params import DROPS, ConditionsParams, Prediction
from tgvac.models.runtime import normal
from tgvac.seeds import unit
from tgvac.training.loop import StepLoss
from tgvac.training.params import TrainingParams

if TYPE_CHECKING:
    from diffusers import DDIMScheduler

# Shapes: B clips, F frames, c latent channels, h, w latents, N tokens, D text width, T noise levels.


@dataclass(frozen=True)
class Batch:
    """The input of one step."""

    z_BcFhw: torch.Tensor
    frame_BcFhw: torch.Tensor
    mask_BcFhw: torch.Tensor
    text_BND: torch.Tensor
    noise_BcFhw: torch.Tensor
    t_B: torch.Tensor
    layout: ChannelLayout

    def stacked(self, z_t_BcFhw: torch.Tensor) -> torch.Tensor:
        """The model's input ``[B,C,F,h,w]``: noised latents and conditions in the layout's order."""
        return self.layout.stack(z_t_BcFhw, self.frame_BcFhw, self.mask_BcFhw)


def dropped(conditions: ConditionsParams, *names: str | int) -> frozenset[str]:
    """The conditions that a sample goes without, of ``text``, ``frame`` and ``mask``; one draw decides for all."""
    draw, reached = unit("drop", *names), 0.0
    for key, what in DROPS.items():
        reached += getattr(conditions, key)
        if draw < reached:
            return what
    return frozenset()


def noise_level(levels: int, power: float, *names: str | int) -> int:
    """A level in [0, levels), drawn by name: uniform for power 1; smaller powers draw noisier levels more often."""
    return min(int(levels * unit("t", *names) ** power), levels - 1)


def make_batch(
    clips: TrainingClips,
    texts: TextStates,
    params: TrainingParams,
    conditions: ConditionsParams,
    scaling: float,
    levels: int,
    stage: str,
    step: int,
    rows: range,
) -> Batch:
    """Some rows of the batch of one step. Each row is a function of (stage, seed, step, row)."""
    z, frames, masks, states, noises, times = [], [], [], [], [], []
    layout = LAYOUTS[conditions.layout]
    for i in rows:
        names = (stage, params.seed, step, i)
        sample, start = clips.draw(params.clip_frames, params.frame_step, *names)
        window = (start, params.clip_frames, params.frame_step)
        at = (*window, mask_draw(clips.holes if layout.has_holes else clips.draws, *names))
        # Holes are drawn in the frames of the first draw of masks, which decides the window if it follows them.
        seen = (*window, 0) if layout.has_holes else at
        if layout.trained_on.target == "target":
            mean, deviation = clips.read(sample, "target_mean", *at), clips.read(sample, "target_std", *at)
            target = mean + deviation * normal(tuple(mean.shape), "posterior", *names)
        else:
            target = clips.read(sample, layout.trained_on.target, *seen)
        z.append(target * scaling)
        without = dropped(conditions, *names)
        factor = scaling if conditions.latents == "scaled" else 1.0
        frames.append(clips.read(sample, layout.trained_on.frame, *at) * (0.0 if "frame" in without else factor))
        # A mask of one channel is no latent, and not scaled.
        factor = 1.0 if layout.mask_channels else factor
        keep_mask = 0.0 if "mask" in without or not conditions.mask else factor
        masks.append(clips.read(sample, layout.trained_on.mask, *at) * keep_mask)
        if conditions.attends == "image":
            states.append(clips.read(sample, "image", *seen)[0] * (0.0 if "text" in without else 1.0))
        else:
            states.append(texts["" if "text" in without or not conditions.text else clips.text(sample)])
        noises.append(normal(tuple(target.shape), "noise", *names))
        times.append(noise_level(levels, params.level_power, *names))
    return Batch(
        z_BcFhw=torch.stack(z).transpose(1, 2),
        frame_BcFhw=torch.stack(frames).transpose(1, 2),
        mask_BcFhw=torch.stack(masks).transpose(1, 2),
        text_BND=torch.stack(states),
        noise_BcFhw=torch.stack(noises).transpose(1, 2),
        t_B=torch.tensor(times),
        layout=layout,
    )


QUARTERS = 4
"""Parts of the noise levels. Their losses are logged separately, since they differ tenfold."""


def noise_loss(
    model: NoiseModel,
    batch: Batch,
    schedule: DDIMScheduler,
    device: torch.device,
    weights_T: torch.Tensor | None = None,
    predicts: Prediction = "epsilon",
) -> StepLoss:
    """The mean squared error, and as parts each clip's error, by quarter of noise levels (1 is the least noisy).

    Args:
        schedule: adds the noise (:func:`tgvac.models.schedule.noise_schedule`).
        weights_T: the weight of each level in the mean; None for equal weights. The logged parts are not weighted.
        predicts: what the model returns, noise or velocity; the error is relative to the same.
    """
    z_t = schedule.add_noise(batch.z_BcFhw, batch.noise_BcFhw, batch.t_B)
    predicted = model(batch.stacked(z_t).to(device), batch.t_B.to(device), batch.text_BND.to(device))
    target = batch.noise_BcFhw
    if predicts == "v":
        target = schedule.get_velocity(batch.z_BcFhw, target, batch.t_B)
    target = target.to(device)
    each_B = (predicted.float() - target).square().flatten(1).mean(1)
    parts: dict[str, list[float]] = {}
    for t, value in zip(batch.t_B.tolist(), each_B.tolist(), strict=True):
        parts.setdefault(f"loss_quarter_{1 + QUARTERS * t // schedule.config.num_train_timesteps}", []).append(value)
    if weights_T is None:
        return StepLoss(functional.mse_loss(predicted.float(), target), parts)
    return StepLoss((each_B * weights_T[batch.t_B].to(device)).mean(), parts)
