"""Converts pix2gestalt's published checkpoint to parts of diffusers and transformers.

Its file is one of PyTorch Lightning, of the code of Latent Diffusion:

    model.diffusion_model.*              the UNet of 12 channels, as trained
    model_ema.*                          its moving average, in names without dots
    first_stage_model.*                  the autoencoder
    cond_stage_model.model.visual.*      CLIP's image tower, as OpenAI names its layers
    cc_projection.weight, bias           a linear layer after it

What is written:

    unet/             UNet2DConditionModel, from the moving average, which its authors sample with
    vae/              AutoencoderKL
    image_encoder/    CLIPVisionModelWithProjection, and the linear layer beside it
    scheduler/        the noise schedule

The widths of all parts are read from the tensors' shapes; what shapes do not say is Stable Diffusion 1.x's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from tgvac.errors import BadInput
from tgvac.models.image_encoder import CORNERS, PROJECTION, RESIZE
from tgvac.published.clip_tower import clip_tower_of, openai_visual
from tgvac.published.latent_diffusion import autoencoder_of, unet_of
from tgvac.published.legacy import read_tensors
from tgvac.published.writing import saved, write_converted

KIND = "pix2gestalt"
_CLIP = "cond_stage_model.model.visual."
_LAST = "cc_projection."
_SIZE = 256
"""Pixels of a side of its training pictures."""
_MEAN, _DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the colours of CLIP's training pictures (Radford et al. 2021)."""

State = Mapping[str, torch.Tensor]


def convert(checkpoint: Path, folder: Path) -> Path:
    """Write the folder of converted weights.

    Args:
        checkpoint: ``epoch=000005.ckpt`` or ``epoch=000010.ckpt`` of its authors, or the same tensors as safetensors.

    Raises:
        BadInput: when the file cannot be read, or is no checkpoint of pix2gestalt; nothing is written then.
    """
    state = read_tensors(checkpoint)
    if missing := [name for name in (f"{_CLIP}proj", f"{_LAST}weight", f"{_LAST}bias") if name not in state]:
        raise BadInput(f"{checkpoint} is no checkpoint of pix2gestalt: it has no {missing[0]}; give another file.")
    if bad := next((name for name, x in state.items() if _is_read(name) and not x.isfinite().all()), None):
        raise BadInput(f"{checkpoint} has numbers in {bad} that are not finite; fetch it again.")
    width = state[f"{_CLIP}proj"].shape[-1]
    if (found := tuple(state[f"{_LAST}weight"].shape)) != (width, width):
        raise BadInput(
            f"{checkpoint} is no checkpoint of pix2gestalt: {_LAST}weight is {found}, and the embedding has {width}"
            " numbers; give another file."
        )
    unet = unet_of(state, str(checkpoint))
    if unet.config.in_channels != 12:
        raise BadInput(
            f"{checkpoint} is no checkpoint of pix2gestalt: its UNet has {unet.config.in_channels} channels, not 12;"
            " give another file."
        )
    tower = clip_tower_of(openai_visual(state, _CLIP), str(checkpoint))
    parts = {
        "unet": saved(unet),
        "vae": saved(autoencoder_of(state, str(checkpoint))),
        "image_encoder": _encoder(tower, state),
        "scheduler": saved(_scheduler()),
    }
    write_converted(folder, KIND, _SIZE, checkpoint, parts)
    return folder


def _is_read(name: str) -> bool:
    return name.startswith(("model.diffusion_model.", "model_ema.", "first_stage_model.", _CLIP, _LAST))


def _encoder(tower: Any, state: State) -> Callable[[Path], None]:
    from safetensors.torch import save_file

    def fill(folder: Path) -> None:
        tower.save_pretrained(folder, safe_serialization=True)
        last = {name: state[f"{_LAST}{name}"].float().contiguous() for name in ("weight", "bias")}
        save_file(last, folder / PROJECTION)
        how = {"image_mean": _MEAN, "image_std": _DEVIATION, RESIZE: CORNERS}
        (folder / "preprocessor_config.json").write_text(json.dumps(how, indent=1), encoding="utf-8")

    return fill


def _scheduler() -> Any:
    """The schedule that Latent Diffusion calls linear: evenly spaced roots of the betas."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.0120,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="leading",
        prediction_type="epsilon",
    )
