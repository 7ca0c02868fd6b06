"""The frame model: Stable Diffusion's UNet with more input channels, 12 for the paper's layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from tgvac.models.layouts import FRAME_MASK, ChannelLayout

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel


def extend_conv_in(unet: UNet2DConditionModel, layout: ChannelLayout = FRAME_MASK) -> UNet2DConditionModel:
    """Widen the first convolution from c channels to those of a layout, in place.

    The first c channels, the noised latents, keep their weights and bias. The new channels start at zero, so the
    output equals the text-to-image model's until training changes them.

    Raises:
        ValueError: when the UNet has been widened already.
    """
    old = unet.conv_in
    channels = unet.config.out_channels
    if old.in_channels != channels:
        raise ValueError(
            f"conv_in has {old.in_channels} channels, not the {channels} of a text-to-image UNet; widen it once"
        )
    wide = layout.channels(channels)
    new = nn.Conv2d(wide, old.out_channels, old.kernel_size, old.stride, old.padding)
    with torch.no_grad():
        new.weight.zero_()
        new.weight[:, :channels] = old.weight
        assert new.bias is not None
        new.bias.copy_(old.bias)
    unet.conv_in = new
    unet.register_to_config(in_channels=wide)
    return unet
