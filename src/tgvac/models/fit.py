"""Whether the parts of a Stable Diffusion folder fit each other and this project, told from their configs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tgvac.errors import BadInput
from tgvac.models.params import DiffusionParams

Config = Mapping[str, Any]

_SCHEDULE = (
    ("num_train_timesteps", "train_steps", 1000),
    ("beta_schedule", "beta_schedule", "linear"),
    ("beta_start", "beta_start", 1e-4),
    ("beta_end", "beta_end", 2e-2),
)
"""Keys of a scheduler of diffusers, those of the block ``diffusion``, and what the former mean where left out."""


def check_fit(
    name: str, unet: Config, vae: Config, text_encoder: Config, scheduler: Config, diffusion: DiffusionParams
) -> None:
    """Refuse what is no text-to-image model of the 1.x kind.

    Args:
        name: of the folder or hub repository, for the message.
        diffusion: what the scheduler is to say.

    Raises:
        BadInput: with the two values that disagree.
    """
    latents = vae["latent_channels"]
    for what in ("in_channels", "out_channels"):
        if unet[what] != latents:
            raise BadInput(
                f"{name}: the UNet has {unet[what]} {what.replace('_', ' ')}, its autoencoder {latents} channels;"
                " name a text-to-image model of Stable Diffusion 1.x (inpainting models have 9)."
            )
    width, states = unet["cross_attention_dim"], text_encoder["hidden_size"]
    if width != states:
        raise BadInput(
            f"{name}: the UNet attends to texts of width {width}, the text encoder makes {states};"
            " take both from the same model."
        )
    check_scheduler(name, scheduler, diffusion)


def check_scheduler(name: str, scheduler: Config, diffusion: DiffusionParams) -> None:
    """Refuse a network that was trained on other noise levels, or for another output, than the params say.

    Raises:
        BadInput: with the key and both values.
    """
    check_prediction(name, scheduler, diffusion.prediction)
    for theirs, ours, default in _SCHEDULE:
        found, wanted = scheduler.get(theirs, default), getattr(diffusion, ours)
        if not _same(found, wanted):
            raise BadInput(
                f"{name}: the UNet was trained with the noise schedule's {theirs} {found}, and diffusion.{ours} is"
                f" {wanted}; name another model, or set the key accordingly."
            )
    if scheduler.get("trained_betas") is not None:
        raise BadInput(
            f"{name}: the UNet was trained with trained_betas of its own, and diffusion.beta_schedule is"
            f" {diffusion.beta_schedule}; name another model."
        )


def _same(found: Any, wanted: Any) -> bool:
    numbers = isinstance(found, int | float) and isinstance(wanted, int | float)
    return math.isclose(found, wanted, rel_tol=1e-6) if numbers else bool(found == wanted)


def check_prediction(name: str, scheduler: Config, prediction: str) -> None:
    """Refuse a network whose output means something else than the params say.

    Raises:
        BadInput: with both.
    """
    predicts = str(scheduler.get("prediction_type", "epsilon"))
    if predicts.removesuffix("_prediction") != prediction:
        raise BadInput(
            f"{name}: the UNet predicts '{predicts}', and diffusion.prediction is '{prediction}'; name another model"
            " (those of Stable Diffusion 1.x predict epsilon, as equation 2 has it), or set the key accordingly."
        )
