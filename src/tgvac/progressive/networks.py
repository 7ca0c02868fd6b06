"""The inpainting model's networks: the trained variant with the scale's backbones, or a whole model of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch

from tgvac.config import parse
from tgvac.errors import BadInput
from tgvac.models.backbones import Backbones, freeze, load_backbones
from tgvac.models.layouts import INPAINT
from tgvac.models.params import DiffusionParams
from tgvac.models.whole import check_whole
from tgvac.progressive.params import ProgressiveParams
from tgvac.progressive.taps import check_block

_QUOTED = 60
"""Letters of a setting that a message quotes."""


@dataclass(frozen=True)
class Inpainter:
    """An inpainting UNet, what it is used with, and the noise schedule that it was trained on."""

    unet: Any
    backbones: Backbones
    diffusion: DiffusionParams


def whole_model(
    weights: str, params: ProgressiveParams, root: Path, device: torch.device, named: str = ""
) -> Inpainter:
    """A whole inpainting model, with its own schedule.

    Args:
        weights: a folder or a hub's name.
        root: where relative paths begin.
        named: what messages call the model, where it is not the params that name it.

    Raises:
        BadInput: when it is not there, cannot be read, or is no inpainting model.
    """
    from diffusers import UNet2DConditionModel

    folder = weights_folder(weights, params.revision, root, named)
    named, is_option = named or _named(weights), bool(named)
    try:
        unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32, use_safetensors=True)
        scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))
        diffusion, backbones = diffusion_of(scheduler), load_backbones(folder, device)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{named} cannot be loaded ({_first(error)}); name a folder of an inpainting model in diffusers' layout."
        ) from None
    return checked(Inpainter(freeze(unet).to(device), backbones, diffusion), params, named, is_option)


def load_network(folder: Path, part: str, device: torch.device) -> Any:
    """A UNet in a folder with an index, frozen, in fp32.

    Raises:
        BadInput: when a file is not as the index says.
    """
    from diffusers import UNet2DConditionModel

    check_whole(folder, part)
    unet = UNet2DConditionModel.from_pretrained(folder / part, torch_dtype=torch.float32, use_safetensors=True)
    return freeze(unet).to(device)


_NEUTRAL: Mapping[str, Any] = {
    **{"trained_betas": None, "thresholding": False, "clip_sample": False, "snr_shift_scale": None},
    **{"use_flow_sigmas": False, "shift": None, "sigma_data": None},
}
"""Settings of diffusers' schedulers that change the noise or what is made of the network's output, and the values with
which they change nothing."""


def diffusion_of(scheduler: Mapping[str, Any]) -> DiffusionParams:
    """The noise schedule of a scheduler's config; what it does not name is as diffusers has it.

    How steps are spaced is not read: the block ``sampler`` decides that.

    Raises:
        BadInput: when it has a schedule or another setting that the sampler does not know.
    """
    for key, neutral in _NEUTRAL.items():
        if (value := scheduler.get(key, neutral)) != neutral:
            raise BadInput(
                f"The scheduler's {key} is {shorten(repr(value), _QUOTED)}, and the sampler knows {neutral!r} alone;"
                " name a model without it"
            )
    block = {
        "train_steps": scheduler.get("num_train_timesteps", 1000),
        "beta_schedule": scheduler.get("beta_schedule", "linear"),
        "beta_start": scheduler.get("beta_start", 1e-4),
        "beta_end": scheduler.get("beta_end", 2e-2),
        "zero_terminal_snr": scheduler.get("rescale_betas_zero_snr", False),
        "prediction": str(scheduler.get("prediction_type", "epsilon")).removesuffix("_prediction"),
    }
    return parse(DiffusionParams, block, "The scheduler's config")


def checked(found: Inpainter, params: ProgressiveParams, named: str, is_option: bool = False) -> Inpainter:
    """The same networks.

    Args:
        is_option: ``named`` is an option of a command, whose user has no params to change.

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
    count = len(unet.up_blocks)
    if is_option and params.block >= count:
        raise BadInput(
            f"{named} has {count} decoder blocks, and clusters are made of block {params.block}, counted from 0; name a"
            " larger model."
        )
    check_block(unet, params.block)
    divisor = 2 ** (len(vae.config.block_out_channels) + len(unet.config.block_out_channels) - 2)
    if params.size % divisor:
        if is_option:
            raise BadInput(
                f"{named} halves its squares to {divisor}ths, which those of {params.size} pixels cannot be; name"
                " another model."
            )
        raise BadInput(
            f"progressive.size {params.size} does not fit {named}, which halves it to {divisor}ths; take a multiple of"
            f" {divisor}."
        )
    return found


def weights_folder(weights: str, revision: str, root: Path, named: str = "") -> Path:
    """The local folder of a whole inpainting model; a hub's name is fetched first.

    Args:
        weights, root, named: as of :func:`whole_model`.
        revision: of the hub's name.

    Raises:
        BadInput: when it is neither.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    folder = root / Path(weights).expanduser()
    if folder.is_dir():
        return folder
    # Neither code nor pickles, and of half precision nothing, which has names of its own.
    parts = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
    files = [f"{part}/{name}" for part in parts for name in ("*.json", "*.txt", "model.safetensors")]
    files += [f"{part}/diffusion_pytorch_model.safetensors" for part in ("unet", "vae")]
    try:
        return Path(snapshot_download(weights, revision=revision, allow_patterns=files))
    except (OSError, HFValidationError, HfHubHTTPError) as error:
        instead = "leave it out to use the shipped network" if named else _INSTEAD
        raise BadInput(
            f"{named or _named(weights)} is not a folder and cannot be fetched ({_first(error)}); name a local folder,"
            f" or {instead}."
        ) from None


_INSTEAD = "set it to null to use the trained variant with the scale's backbones"


def _named(weights: str) -> str:
    return f"published '{weights}' of the method progressive"


def _first(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0].rstrip(".")
