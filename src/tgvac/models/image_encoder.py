"""Embeds pictures for cross-attention, as pix2gestalt conditions on its input: one vector a picture.

image_encoder/config.json, model.safetensors     a CLIPVisionModelWithProjection
image_encoder/preprocessor_config.json           mean and deviation of its colours
image_encoder/projection.safetensors             optional: a linear layer after it, ``weight [D,R]`` and ``bias [D]``

It is another network than the CLIP that scores, so that no method is scored by what it was conditioned on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from tgvac.errors import BadInput
from tgvac.models.backbones import freeze, load_vae
from tgvac.models.backbones_params import IMAGE_ENCODER
from tgvac.models.whole import check_whole

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from transformers import CLIPVisionModelWithProjection

# Shapes: F pictures, S their side, R the encoder's side, D the embedding's width.

PROJECTION = "projection.safetensors"
RESIZE = "tgvac_resize"
"""Key of ``preprocessor_config.json``: how pictures of another size are resized."""
CORNERS = "align_corners"
"""Its value for pix2gestalt's encoder: bicubic, corners on corners, without antialiasing. Else it is antialiased."""


@dataclass(frozen=True)
class ImageEncoder:
    """Embeds pictures.

    Attributes:
        mean_13, deviation_13: of the colours that the network expects, in [0, 1].
        projection: the weight and the bias of a last linear layer; None for none.
        corners: whether pictures are resized as ``CORNERS`` says.
        batch: pictures that go through the network at once; decides last bits.
    """

    network: CLIPVisionModelWithProjection
    mean_13: torch.Tensor
    deviation_13: torch.Tensor
    projection: tuple[torch.Tensor, torch.Tensor] | None
    corners: bool
    batch: int

    @property
    def width(self) -> int:
        """Numbers of an embedding."""
        return int(self.network.config.projection_dim if self.projection is None else len(self.projection[1]))

    @torch.no_grad()
    def __call__(self, pictures_FSS3: np.ndarray) -> torch.Tensor:
        """Embed pictures ``uint8 [F,S,S,3]`` as ``float32 [F,1,D]`` on the CPU, not normalised."""
        x_F3SS = torch.from_numpy(np.ascontiguousarray(pictures_FSS3)).permute(0, 3, 1, 2).float() / 255
        size = self.network.config.image_size
        if x_F3SS.shape[-1] != size:
            # Stand-ins have the frames' own size.
            way = {"align_corners": True} if self.corners else {"antialias": True}
            x_F3SS = functional.interpolate(x_F3SS, size=(size, size), mode="bicubic", **way)
        x_F3RR = (x_F3SS - self.mean_13[..., None, None]) / self.deviation_13[..., None, None]
        found = torch.cat([self._embedded(part) for part in torch.split(x_F3RR, self.batch)])
        return found.float().cpu()[:, None].contiguous()

    def _embedded(self, x_F3RR: torch.Tensor) -> torch.Tensor:
        full = _padded(x_F3RR, self.batch).to(self.network.device)
        found_FD: torch.Tensor = self.network(full).image_embeds[: len(x_F3RR)]
        if self.projection is None:
            return found_FD
        return functional.linear(found_FD, *(x.to(found_FD.device) for x in self.projection))


@dataclass(frozen=True)
class PictureBackbones:
    """The frozen networks of a model that attends to pictures, on one device."""

    vae: AutoencoderKL
    image_encoder: ImageEncoder


def load_picture_backbones(folder: Path, device: torch.device, batch: int) -> PictureBackbones:
    """The autoencoder and the image encoder of a folder, frozen; see :func:`load_image_encoder`."""
    return PictureBackbones(load_vae(folder, device), load_image_encoder(folder, device, batch))


def load_image_encoder(folder: Path, device: torch.device, batch: int) -> ImageEncoder:
    """The encoder of a folder of backbones, frozen.

    Args:
        folder: of the backbones.
        batch: pictures that go through the network at once; decides last bits.

    Raises:
        BadInput: when the backbones have no image encoder, or it is incomplete.
    """
    from safetensors.torch import load_file
    from transformers import CLIPVisionModelWithProjection

    part = folder / IMAGE_ENCODER
    if not part.is_dir():
        raise BadInput(
            f"{part} does not exist, but pictures are to be embedded; set backbones.image_steps above 0 where stand-ins"
            " are trained, or leave out what attends to the image."
        )
    if (folder / "index.json").is_file():
        check_whole(folder, IMAGE_ENCODER)
    network = CLIPVisionModelWithProjection.from_pretrained(part, dtype=torch.float32, use_safetensors=True)
    config = json.loads((part / "preprocessor_config.json").read_text(encoding="utf-8"))
    mean, deviation = (torch.tensor(config[key])[None] for key in ("image_mean", "image_std"))
    last = load_file(part / PROJECTION) if (part / PROJECTION).is_file() else None
    projection = None if last is None else (last["weight"].float(), last["bias"].float())
    return ImageEncoder(freeze(network).to(device), mean, deviation, projection, config.get(RESIZE) == CORNERS, batch)


def _padded(x: torch.Tensor, batch: int) -> torch.Tensor:
    """Repeat the last entry until the batch is full, since other batch sizes give other bits."""
    return torch.cat([x, x[-1:].expand(batch - len(x), *x.shape[1:])]).contiguous()
