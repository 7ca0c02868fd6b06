"""What a video is completed from, as the networks take it: one function for training's pictures and for inference."""

from __future__ import annotations

import numpy as np

from tgvac.models.backbones import Backbones
from tgvac.models.latents import encode_conditions
from tgvac.models.params import ConditionsParams
from tgvac.models.sampler import VideoCondition
from tgvac.models.text import encode_text


def condition_of(
    backbones: Backbones,
    frames_FSS3: np.ndarray,
    masks_FSS: np.ndarray,
    text: str,
    conditions: ConditionsParams,
    batch: int,
) -> VideoCondition:
    """Encode framed pictures, visible masks and a sentence.

    Args:
        frames_FSS3: ``uint8``, the input.
        masks_FSS: ``uint8`` in {0, 255}, the visible masks.
        conditions: what the model is told; the rest is zeros, or an empty text.
        batch: of the autoencoder.
    """
    frame, mask = encode_conditions(backbones.vae, frames_FSS3, masks_FSS, batch)
    factor = backbones.vae.config.scaling_factor if conditions.latents == "scaled" else 1.0
    states = encode_text(backbones, [text if conditions.text else "", ""])
    return VideoCondition(frame * factor, mask * (factor if conditions.mask else 0.0), states[:1], states[1:])
