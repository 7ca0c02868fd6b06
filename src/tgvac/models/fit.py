"""Checks that the parts of a Stable Diffusion folder fit each other and this project, by their configs."""

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
"""Keys of a scheduler of diffusers, the matching keys of the block ``diffusion``, and diffusers' defaults."""


def check_fit(
    name: str, unet: Config, vae: Config, text_encoder: Config, scheduler: Config, diffusion: DiffusionParams
) -> None:
    """Refuse a model that is not a text-to-image model of Stable Diffusion 1.x.

    Args:
        name: of the folder or hub repository, for the message.
        diffusion: what the scheduler must agree with.

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
            f"{name}: the UNet attends to text states of width {width}, but the text encoder has width {states};"
            " take both from the same model."
        )
    check_scheduler(name, scheduler, diffusion)


def check_scheduler(name: str, scheduler: Config, diffusion: DiffusionParams) -> None:
    """Refuse a network that was trained with another noise schedule or another output than the params say.

    Raises:
        BadInput: with the key and both values.
    """
    check_prediction(name, scheduler, diffusion.prediction)
    for theirs, ours, default in _SCHEDULE:
        found, wanted = scheduler.get(theirs, default), getattr(diffusion, ours)
        if not _same(found, wanted):
            raise BadInput(
                f"{name}: the UNet was trained with the noise schedule's {theirs} {found}, and diffusion.{ours} is"
                f" {wanted}; name another model, or set diffusion.{ours} to {found}."
            )
    if scheduler.get("trained_betas") is not None:
        raise BadInput(
            f"{name}: the UNet was trained with its own trained_betas, and diffusion.beta_schedule is"
            f" {diffusion.beta_schedule}; name another model."
        )


def _same(found: Any, wanted: Any) -> bool:
    numbers = isinstance(found, int | float) and isinstance(wanted, int | float)
    return math.isclose(found, wanted, rel_tol=1e-6) if numbers else bool(found == wanted)


def check_prediction(name: str, scheduler: Config, prediction: str) -> None:
    """Refuse a network that predicts another quantity than the params say.

    Raises:
        BadInput: with both.
    """
    predicts = str(scheduler.get("prediction_type", "epsilon"))
    if predicts.removesuffix("_prediction") != prediction:
        raise BadInput(
            f"{name}: the UNet predicts '{predicts}', and diffusion.prediction is '{prediction}'; name another model,"
            " or set diffusion.prediction to what it predicts (Stable Diffusion 1.x: epsilon)."
        )
