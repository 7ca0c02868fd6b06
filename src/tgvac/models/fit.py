"""Whether the parts of a Stable Diffusion folder fit each other and this project, told from their configs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tgvac.errors import BadInput

Config = Mapping[str, Any]


def check_fit(
    name: str, unet: Config, vae: Config, text_encoder: Config, scheduler: Config, prediction: str = "epsilon"
) -> None:
    """Refuse what is no text-to-image model of the 1.x kind.

    Args:
        name: of the folder or hub repository, for the message.
        prediction: ``diffusion.prediction``.

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
    check_prediction(name, scheduler, prediction)


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
