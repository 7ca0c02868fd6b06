"""The inpainting model's networks: the trained variant with the scale's backbones, or a whole model of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tgvac.errors import BadInput
from tgvac.models.backbones import Backbones, freeze, load_backbones
from tgvac.models.layouts import INPAINT
from tgvac.models.params import DiffusionParams
from tgvac.models.whole import check_whole
from tgvac.progressive.params import ProgressiveParams
from tgvac.progressive.taps import check_block


@dataclass(frozen=True)
class Inpainter:
    """An inpainting UNet, what it is used with, and the noise schedule that it was trained on."""

    unet: Any
    backbones: Backbones
    diffusion: DiffusionParams


def whole_model(params: ProgressiveParams, root: Path, device: torch.device) -> Inpainter:
    """The model that ``progressive.weights`` names, with its own schedule.

    Raises:
        BadInput: when it is not there, cannot be read, or is no inpainting model.
    """
    from diffusers import UNet2DConditionModel

    named = f"progressive.weights '{params.weights}'"
    folder = weights_folder(params, root)
    try:
        unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32, use_safetensors=True)
        scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))
        backbones = load_backbones(folder, device)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{named} cannot be loaded ({_first(error)}); name a folder of an inpainting model in diffusers' layout."
        ) from None
    return checked(Inpainter(freeze(unet).to(device), backbones, diffusion_of(scheduler)), params, named)


def load_network(folder: Path, part: str, device: torch.device) -> Any:
    """A UNet in a folder with an index, frozen, in fp32.

    Raises:
        BadInput: when a file is not as the index says.
    """
    from diffusers import UNet2DConditionModel

    check_whole(folder, part)
    unet = UNet2DConditionModel.from_pretrained(folder / part, torch_dtype=torch.float32, use_safetensors=True)
    return freeze(unet).to(device)


def diffusion_of(scheduler: dict[str, Any]) -> DiffusionParams:
    """The noise schedule of a scheduler's config; what it does not name is as diffusers has it."""
    return DiffusionParams(
        train_steps=int(scheduler.get("num_train_timesteps", 1000)),
        beta_schedule=scheduler.get("beta_schedule", "linear"),
        beta_start=float(scheduler.get("beta_start", 1e-4)),
        beta_end=float(scheduler.get("beta_end", 2e-2)),
        zero_terminal_snr=bool(scheduler.get("rescale_betas_zero_snr", False)),
        prediction=scheduler.get("prediction_type", "epsilon").removesuffix("_prediction"),
    )


def checked(found: Inpainter, params: ProgressiveParams, named: str) -> Inpainter:
    """The same networks.

    Raises:
        BadInput: when the UNet has not the channels of an inpainting model, does not fit the text encoder, has no such
            block, or cannot halve its squares.
    """
    unet, vae = found.unet, found.backbones.vae
    wanted, width = INPAINT.channels(vae.config.latent_channels), found.backbones.text_encoder.config.hidden_size
    if unet.config.in_channels != wanted:
        raise BadInput(
            f"{named} has {unet.config.in_channels} input channels, and an inpainting model {wanted} (noised latents,"
            " hole, picture without it); name another model."
        )
    if unet.config.cross_attention_dim != width:
        raise BadInput(
            f"{named} attends to text of width {unet.config.cross_attention_dim}, and its text encoder gives {width};"
            " take both from the same model."
        )
    check_block(unet, params.block)
    divisor = 2 ** (len(vae.config.block_out_channels) + len(unet.config.block_out_channels) - 2)
    if params.size % divisor:
        raise BadInput(
            f"progressive.size {params.size} does not fit {named}, which halves it to {divisor}ths; take a multiple of"
            f" {divisor}."
        )
    return found


def weights_folder(params: ProgressiveParams, root: Path) -> Path:
    """The local folder of the model that ``progressive.weights`` names; a hub's name is fetched first.

    Raises:
        BadInput: when it is neither.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    named, folder = f"progressive.weights '{params.weights}'", root / params.weights
    if folder.is_dir():
        return folder
    # Neither code nor pickles, and of half precision nothing, which has names of its own.
    parts = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
    files = [f"{part}/{name}" for part in parts for name in ("*.json", "*.txt", "model.safetensors")]
    files += [f"{part}/diffusion_pytorch_model.safetensors" for part in ("unet", "vae")]
    try:
        return Path(snapshot_download(params.weights, revision=params.revision, allow_patterns=files))
    except (OSError, HFValidationError, HfHubHTTPError) as error:
        raise BadInput(
            f"{named} is not a folder and cannot be fetched ({_first(error)}); name a local folder, or set it to '' to"
            " use the trained variant with the scale's backbones."
        ) from None


def _first(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0].rstrip(".")
