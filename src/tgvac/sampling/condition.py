"""A video's conditions as the networks take them, for inference and for the images made during training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from tgvac.models.backbones import Backbones
from tgvac.models.latents import encode_conditions
from tgvac.models.layouts import LAYOUTS, ChannelLayout
from tgvac.models.params import ConditionsParams
from tgvac.models.text import encode_text

# Shapes: F frames, S the model's square, c latent channels, h, w latents, N tokens, D text width.


@dataclass(frozen=True)
class VideoCondition:
    """Latents ``[F,c,h,w]`` of frames and visible masks, and text states ``[1,N,D]``, as the model takes them."""

    frame_Fchw: torch.Tensor
    mask_Fchw: torch.Tensor
    text_1ND: torch.Tensor
    null_text_1ND: torch.Tensor
    layout: ChannelLayout


def condition_of(
    backbones: Backbones,
    frames_FSS3: np.ndarray,
    masks_FSS: np.ndarray,
    text: str,
    conditions: ConditionsParams,
    batch: int,
    negative: str = "",
) -> VideoCondition:
    """Encode framed images, visible masks and a sentence.

    Args:
        frames_FSS3: the input, ``uint8``.
        masks_FSS: the visible masks, ``uint8`` in {0, 255}.
        conditions: which conditions the model gets; without mask it gets zeros, without text an empty sentence.
        batch: images that go through the autoencoder at once.
        negative: the sentence of the unconditional prediction.
    """
    frame, mask = encode_conditions(backbones.vae, frames_FSS3, masks_FSS, batch)
    factor = backbones.vae.config.scaling_factor if conditions.latents == "scaled" else 1.0
    states = encode_text(backbones, [text if conditions.text else "", negative])
    layout = LAYOUTS[conditions.layout]
    return VideoCondition(frame * factor, mask * (factor if conditions.mask else 0.0), states[:1], states[1:], layout)
