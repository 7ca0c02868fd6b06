"""The frozen networks, loaded by ``from_pretrained`` from one folder in the layout of diffusers.

vae/  text_encoder/  tokenizer/  unet/  scheduler/       a Stable Diffusion 1.x folder
scoring_clip/                                            the CLIP of the metrics, not the text encoder
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tgvac.errors import BadInput
from tgvac.models.whole import check_whole

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

PARTS = ("vae", "text_encoder", "tokenizer", "unet")


@dataclass(frozen=True)
class Backbones:
    """An autoencoder and a text encoder, frozen, on one device."""

    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer


def _check(folder: Path, *parts: str) -> None:
    """Compare parts with the index of their folder. A Stable Diffusion folder that we did not write has no index."""
    if (folder / "index.json").is_file():
        check_whole(folder, *parts)


def _part(folder: Path, name: str) -> Path:
    if not (folder / name).is_dir():
        raise BadInput(
            f"{folder / name} does not exist; a folder of backbones has {', '.join(PARTS)}"
            " (run `tgvac stage backbones`, or name a Stable Diffusion 1.x folder)."
        )
    return folder / name


def load_unet(folder: Path) -> UNet2DConditionModel:
    """The 4-channel text-to-image UNet, in fp32."""
    from diffusers import UNet2DConditionModel

    _check(folder, "unet")
    unet = UNet2DConditionModel.from_pretrained(_part(folder, "unet"), torch_dtype=torch.float32, use_safetensors=True)
    return without_path(unet)


def load_vae(folder: Path, device: torch.device) -> AutoencoderKL:
    """The autoencoder, frozen and in evaluation mode."""
    from diffusers import AutoencoderKL

    _check(folder, "vae")
    vae = AutoencoderKL.from_pretrained(_part(folder, "vae"), torch_dtype=torch.float32, use_safetensors=True)
    frozen: AutoencoderKL = freeze(vae).to(device)
    return frozen


def load_backbones(folder: Path, device: torch.device) -> Backbones:
    """Autoencoder, text encoder and tokenizer, frozen and in evaluation mode."""
    from transformers import CLIPTextModel, CLIPTokenizer

    _check(folder, "text_encoder", "tokenizer")
    vae = load_vae(folder, device)
    text_encoder = CLIPTextModel.from_pretrained(
        _part(folder, "text_encoder"), dtype=torch.float32, use_safetensors=True
    )
    tokenizer = CLIPTokenizer.from_pretrained(_part(folder, "tokenizer"))
    return Backbones(vae, freeze(text_encoder).to(device), tokenizer)


def freeze(module: Any) -> Any:
    """Turn gradients off and set evaluation mode; returns the module."""
    return module.requires_grad_(False).eval()


def without_path(model: Any) -> Any:
    """Remove the path that a model of diffusers was loaded from, which it would write into its next ``config.json``.

    The same model must give the same file in every folder.
    """
    model.register_to_config(_name_or_path="")
    return model
