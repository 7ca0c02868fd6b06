"""The paper's method as a completer: frames, masks and a sentence in, the whole object out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from tgvac.clip.completion import Completion
from tgvac.clip.framing import FramingParams, frame_masks, frame_video, unframe_rgb, windows_of
from tgvac.completion.amodal import not_white
from tgvac.completion.params import CompletionParams
from tgvac.errors import BadInput
from tgvac.models.backbones import Backbones
from tgvac.models.condition import condition_of
from tgvac.models.latents import decode, to_images
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams, SamplerParams
from tgvac.models.sampler import NoiseModel, initial_noise, sample_video

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class TemporalDiffusion:
    """Completes a video of any length by temporal diffusion (paper, section 3.4)."""

    model: NoiseModel
    backbones: Backbones
    framing: FramingParams
    diffusion: DiffusionParams
    conditions: ConditionsParams
    sampler: SamplerParams
    completion: CompletionParams
    compute: ComputeParams
    device: torch.device
    on_step: Callable[[], None] = lambda: None

    def complete(self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, text: str, seed: int) -> Completion:
        """Complete one object; see :class:`tgvac.clip.completion.Completer`.

        Raises:
            BadInput: when the mask shows nothing in any frame, or differs from the video in size.
        """
        if visible_FHW.shape != frames_FHW3.shape[:3]:
            raise BadInput(
                f"The visible masks are {visible_FHW.shape}, the video is {frames_FHW3.shape[:3]};"
                " give one mask a frame, of the frame's size."
            )
        if not np.isin(visible_FHW, (0, 255)).all():
            raise BadInput("The visible masks hold values other than 0 and 255; write masks as pure black and white.")
        if not visible_FHW.any():
            raise BadInput("The visible mask is empty in every frame; choose the object where it can be seen.")
        windows = windows_of(self.framing, visible_FHW)
        condition = condition_of(
            self.backbones,
            frame_video(self.framing, frames_FHW3, windows, self.framing.pad),
            frame_masks(self.framing, visible_FHW, windows),
            text,
            self.conditions,
            self.compute.vae_batch,
        )
        shape = (self.backbones.vae.config.latent_channels, *condition.mask_Fchw.shape[2:])
        noise = initial_noise(len(frames_FHW3), shape, "video", seed)

        def step_noise(t: int) -> torch.Tensor:
            return initial_noise(len(frames_FHW3), shape, f"video at {t}", seed)

        z = sample_video(
            self.model, condition, noise, self.diffusion, self.sampler, self.device, self.on_step, step_noise
        )
        squares = to_images(decode(self.backbones.vae, z, self.compute.vae_batch))
        height, width = frames_FHW3.shape[1:3]
        rgb = np.stack([unframe_rgb(s, w, height, width, fill=255) for s, w in zip(squares, windows, strict=True)])
        return Completion(rgb, not_white(rgb, self.completion.white_threshold))
