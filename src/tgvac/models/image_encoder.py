"""Embeds pictures for cross-attention, as pix2gestalt conditions on its input: one vector a picture.

The folder is that of a ``CLIPVisionModelWithProjection`` with its preprocessing. It is another network than the CLIP
that scores, so that no method is scored by what it was conditioned on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from tgvac.errors import BadInput
from tgvac.models.backbones import freeze
from tgvac.models.backbones_params import IMAGE_ENCODER
from tgvac.models.whole import check_whole

# Shapes: F pictures, S their side, R the encoder's side, D the embedding's width.


def load_image_encoder(folder: Path, device: torch.device, batch: int) -> Callable[[np.ndarray], torch.Tensor]:
    """The function that embeds pictures ``uint8 [F,S,S,3]`` as ``float32 [F,1,D]`` on the CPU, not normalised.

    Args:
        folder: of the backbones.
        batch: pictures that go through the network at once; decides last bits.

    Raises:
        BadInput: when the backbones have no image encoder, or it is incomplete.
    """
    from transformers import CLIPVisionModelWithProjection

    part = folder / IMAGE_ENCODER
    if not part.is_dir():
        raise BadInput(
            f"{part} does not exist, but latents.images is true; set backbones.image_steps above 0 where stand-ins are"
            " trained, or set latents.images to false."
        )
    if (folder / "index.json").is_file():
        check_whole(folder, IMAGE_ENCODER)
    network = CLIPVisionModelWithProjection.from_pretrained(part, dtype=torch.float32, use_safetensors=True)
    freeze(network).to(device)
    size = network.config.image_size
    config = json.loads((part / "preprocessor_config.json").read_text(encoding="utf-8"))
    mean, deviation = (torch.tensor(config[key]).view(1, 3, 1, 1) for key in ("image_mean", "image_std"))

    @torch.no_grad()
    def embed(pictures_FSS3: np.ndarray) -> torch.Tensor:
        x_F3SS = torch.from_numpy(np.ascontiguousarray(pictures_FSS3)).permute(0, 3, 1, 2).float() / 255
        if x_F3SS.shape[-1] != size:
            # Stand-ins have the frames' own size. Other encoders' own preprocessing may have another filter.
            x_F3SS = functional.interpolate(x_F3SS, size=(size, size), mode="bicubic", antialias=True)
        x_F3RR = (x_F3SS - mean) / deviation
        found = [network(_padded(x, batch).to(device)).image_embeds[: len(x)] for x in torch.split(x_F3RR, batch)]
        return torch.cat(found).float().cpu()[:, None].contiguous()

    return embed


def _padded(x: torch.Tensor, batch: int) -> torch.Tensor:
    """Repeat the last entry until the batch is full, since other batch sizes give other bits."""
    return torch.cat([x, x[-1:].expand(batch - len(x), *x.shape[1:])]).contiguous()
