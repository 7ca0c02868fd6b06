"""The conditions of an inpainting UNet of nine channels: noised latents, the hole, and the picture without it.

As in diffusers' inpainting pipeline, what is missing is grey (0 in [-1, 1]), latents of the picture are scaled as the
noised ones are, and the hole is reduced to the latents' size by taking the nearest pixel. Without condition the network
gets an empty sentence, and hole and picture as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from tgvac.models.latents import encode_mode, to_tensor
from tgvac.models.layouts import INPAINT
from tgvac.models.noise_models import NoiseModel

# Shapes: B squares, S their side, c latent channels, h, w latents, N tokens, D text width.


@dataclass(frozen=True)
class Condition:
    """What the network is given beside the noised latents, on the CPU.

    Attributes:
        hole_B1hw: 1 where the picture is missing, else 0.
        holed_Bchw: scaled latents of the picture without the hole.
    """

    hole_B1hw: torch.Tensor
    holed_Bchw: torch.Tensor


def condition_of(vae: Any, pictures: Sequence[np.ndarray], holes: Sequence[np.ndarray], batch: int) -> Condition:
    """Encode pictures with holes.

    Args:
        pictures: ``uint8 [S,S,3]``.
        holes: ``uint8 [S,S]`` in {0, 255}; 255 is missing.
        batch: of the autoencoder.
    """
    holes_B1SS = torch.from_numpy((np.stack(holes) > 0).astype(np.float32))[:, None]
    holed_Bchw = encode_scaled(vae, to_tensor(np.stack(pictures)) * (1 - holes_B1SS), batch)
    hole_B1hw = functional.interpolate(holes_B1SS, size=holed_Bchw.shape[-2:], mode="nearest")
    return Condition(hole_B1hw, holed_Bchw)


def encode_scaled(vae: Any, x_B3SS: torch.Tensor, batch: int) -> torch.Tensor:
    """The latents' mode, scaled as the noised latents are."""
    return encode_mode(vae, x_B3SS, batch) * float(vae.config.scaling_factor)


def predict(
    model: NoiseModel,
    z_Bchw: torch.Tensor,
    t: int,
    condition: Condition,
    text_2ND: torch.Tensor,
    guidance: float,
    device: torch.device,
) -> torch.Tensor:
    """The guided prediction ``[B,c,h,w]`` at noise level ``t``, on the CPU.

    The squares go through the network twice, first without text and then with it, in one batch; or once with text, if
    there is nothing to guide by.

    Args:
        text_2ND: states of the empty sentence, and of the text.
        guidance: scale; 1 for none.
    """
    x = INPAINT.stack(z_Bchw, condition.holed_Bchw, condition.hole_B1hw)
    null, text = (states.expand(len(x), -1, -1) for states in text_2ND.chunk(2))
    alone = guidance == 1 or torch.equal(null, text)
    x, states = (x, text) if alone else (torch.cat([x, x]), torch.cat([null, text]))
    times = torch.full((len(x),), t, dtype=torch.long)
    found = model(x[:, :, None].to(device), times.to(device), states.to(device))[:, :, 0].float().cpu()
    if alone:
        return found
    without, with_text = found.chunk(2)
    return without + guidance * (with_text - without)
