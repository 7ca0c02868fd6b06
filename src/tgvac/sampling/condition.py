"""A video's conditions as the networks take them, for inference and for the images made during training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from tgvac.models.backbones import Backbones
from tgvac.models.image_encoder import PictureBackbones
from tgvac.models.latents import encode_conditions
from tgvac.models.layouts import LAYOUTS, ChannelLayout
from tgvac.models.params import ConditionsParams
from tgvac.models.text import encode_text
from tgvac.sampling.kept import Kept

# Shapes: F frames, S the model's square, c latent channels, h, w latents, N tokens, D text width.

_BATCHES = 8
"""Batches of the autoencoder after which what is encoded is recorded."""


@dataclass(frozen=True)
class VideoCondition:
    """Latents ``[F,c,h,w]`` of frames and visible masks, and what cross-attention attends to.

    Attributes:
        text_KND: the sentence's states, K = 1; or each frame's embedding, K = F and N = 1.
        null_text_1ND: the same of the unconditional prediction.
    """

    frame_Fchw: torch.Tensor
    mask_Fchw: torch.Tensor
    text_KND: torch.Tensor
    null_text_1ND: torch.Tensor
    layout: ChannelLayout


class Pictures(Protocol):
    """The pictures of a video: an array ``[F,…]``, or what reads them when they are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> np.ndarray: ...


def condition_of(
    backbones: Backbones | PictureBackbones,
    frames_FSS3: Pictures,
    masks_FSS: Pictures,
    text: str,
    conditions: ConditionsParams,
    batch: int,
    negative: str = "",
    kept: Kept | None = None,
) -> VideoCondition:
    """Encode framed images, visible masks and a sentence.

    Args:
        backbones: those of pictures where the model attends to them; then it reads no sentence.
        frames_FSS3: the input, ``uint8``.
        masks_FSS: the visible masks, ``uint8`` in {0, 255}.
        conditions: which conditions the model gets; without mask it gets zeros, without text an empty sentence.
        batch: images that go through the autoencoder at once.
        negative: the sentence of the unconditional prediction.
        kept: where the latents are; encoding goes on after the last frames that are done there.
    """
    kept, vae, frames = kept or Kept(), backbones.vae, len(frames_FSS3)
    factor = vae.config.scaling_factor if conditions.latents == "scaled" else 1.0
    side = frames_FSS3[0:1].shape[1] // _reduction(vae)
    shape = (frames, vae.config.latent_channels, side, side)
    frame_Fchw, mask_Fchw = kept.tensor("frames", shape), kept.tensor("masks", shape)
    embed = backbones.image_encoder if isinstance(backbones, PictureBackbones) else None
    embeddings_F1D = None if embed is None else kept.tensor("embeddings", (frames, 1, embed.width))
    # Whole batches, so that the bits don't depend on where a run was stopped.
    for start in range(kept.done("conditions"), frames, batch * _BATCHES):
        part = slice(start, min(frames, start + batch * _BATCHES))
        frame, mask = encode_conditions(vae, frames_FSS3[part], masks_FSS[part], batch)
        frame_Fchw[part], mask_Fchw[part] = frame * factor, mask * (factor if conditions.mask else 0.0)
        if embed is not None and embeddings_F1D is not None:
            embeddings_F1D[part] = embed(frames_FSS3[part])
        kept.finish("conditions", part.stop)
    layout = LAYOUTS[conditions.layout]
    if embeddings_F1D is not None:
        # As in pix2gestalt, nothing to attend to is a token of zeros.
        return VideoCondition(frame_Fchw, mask_Fchw, embeddings_F1D, torch.zeros_like(embeddings_F1D[:1]), layout)
    assert isinstance(backbones, Backbones)
    states = encode_text(backbones, [text if conditions.text else "", negative])
    return VideoCondition(frame_Fchw, mask_Fchw, states[:1], states[1:], layout)


def _reduction(vae: Any) -> int:
    """Pixels to a latent, along a side."""
    return int(2 ** (len(vae.config.block_out_channels) - 1))
