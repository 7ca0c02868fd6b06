"""The frame model: Stable Diffusion's UNet with 12 input channels.

Channels, in this order: noised latents z_t, latents of the input frame, latents of the visible mask
(paper, equation 2 and Figure 3; pix2gestalt has the same order).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel


def extend_conv_in(unet: UNet2DConditionModel, groups: int = 3) -> UNet2DConditionModel:
    """Widen the first convolution from c to ``groups`` * c channels, in place.

    The first c channels keep their weights, the new ones start at zero, the bias is copied: on zero
    conditions, and before training on any, the output is the text-to-image model's.

    Raises:
        ValueError: when the UNet has been widened already.
    """
    old = unet.conv_in
    channels = unet.config.out_channels
    if old.in_channels != channels:
        raise ValueError(f"conv_in has {old.in_channels} channels, not the {channels} of a text-to-image UNet")
    new = nn.Conv2d(groups * channels, old.out_channels, old.kernel_size, old.stride, old.padding)
    with torch.no_grad():
        new.weight.zero_()
        new.weight[:, :channels] = old.weight
        assert new.bias is not None
        new.bias.copy_(old.bias)
    unet.conv_in = new
    unet.register_to_config(in_channels=groups * channels)
    return unet


def stack_channels(z_t: torch.Tensor, frame: torch.Tensor, mask: torch.Tensor, dim: int = 1) -> torch.Tensor:
    """Concatenate in the one order of channels: z_t, frame, mask."""
    return torch.cat([z_t, frame, mask], dim=dim)
