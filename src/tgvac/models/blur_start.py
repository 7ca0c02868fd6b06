"""A start for small autoencoders: a blur that keeps colours.

From the usual random start a small ``AutoencoderKL`` first learns brightness, and stays grey for hundreds of steps:
in the pictures here, most of them white, colour is a weak signal. This start is an autoencoder already. Encoder and
decoder carry red, green, blue and brightness through, halved in size twice and doubled again; residual branches begin
small, everything else as it was drawn.

A signal x goes in pairs of channels, +x and -x, since silu(x) - silu(-x) = x: so it passes the last activation of
either half unbent, and the mean that group normalisation takes away is zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

_PAIRS = 4
"""Red, green, blue and their mean; each twice, with either sign."""

_RESIDUAL = 0.1
"""What is left of the residual branches' last weights."""

_CONTRAST = 0.6
"""Normalised signals have a deviation of 1; pictures in [-1, 1] one of about this."""

_LOGVAR = -6.0
"""Of the posterior: unit noise would drown everything that is learned first."""


@torch.no_grad()
def start_as_blur(vae: AutoencoderKL) -> AutoencoderKL:
    """Change the weights of a fresh autoencoder, in place.

    Raises:
        ValueError: when its narrowest level has fewer than eight channels, or its latents fewer than three.
    """
    from diffusers.models.resnet import Downsample2D, ResnetBlock2D, Upsample2D

    width, latents = min(vae.config.block_out_channels), vae.config.latent_channels
    if width < 2 * _PAIRS or latents < 3:
        raise ValueError(f"{width} channels and {latents} latents cannot carry colours: 8 and 3 are needed")
    for module in vae.modules():
        if isinstance(module, ResnetBlock2D):
            module.conv2.weight.mul_(_RESIDUAL)
            nn.init.zeros_(module.conv2.bias)
            if module.conv_shortcut is not None:
                _carry(module.conv_shortcut, torch.ones(1, 1))
        elif isinstance(module, Downsample2D):
            # The mean of the two by two pixels that become one.
            _carry(module.conv, torch.nn.functional.pad(torch.full((2, 2), 0.25), (0, 1, 0, 1)))
        elif isinstance(module, Upsample2D):
            line = torch.tensor([0.25, 0.5, 0.25])
            _carry(module.conv, line[:, None] * line)
    signals = torch.cat([torch.eye(3), torch.full((1, 3), 1 / 3)])
    for half, into in ((vae.encoder, signals), (vae.decoder, signals @ torch.eye(3, latents))):
        _split(half.conv_in, into)
    _join(vae.encoder.conv_out, 1.0)
    nn.init.zeros_(vae.encoder.conv_out.weight[latents:])
    nn.init.constant_(vae.encoder.conv_out.bias[latents:], _LOGVAR)
    _join(vae.decoder.conv_out, _CONTRAST)
    for conv in (vae.quant_conv, vae.post_quant_conv):
        nn.init.dirac_(conv.weight)
        nn.init.zeros_(conv.bias)
    return vae


def _carry(conv: nn.Conv2d, kernel_KK: torch.Tensor) -> None:
    """The first eight channels come out as they went in, each filtered by one kernel."""
    conv.weight[: 2 * _PAIRS] = 0
    for channel in range(2 * _PAIRS):
        conv.weight[channel, channel] = kernel_KK
    assert conv.bias is not None
    conv.bias[: 2 * _PAIRS] = 0


def _split(conv: nn.Conv2d, signals_SC: torch.Tensor) -> None:
    """Mixtures of the input's channels become pairs of either sign."""
    conv.weight[: 2 * _PAIRS] = 0
    conv.weight[: 2 * _PAIRS : 2, :, 1, 1] = signals_SC
    conv.weight[1 : 2 * _PAIRS : 2, :, 1, 1] = -signals_SC
    assert conv.bias is not None
    conv.bias[: 2 * _PAIRS] = 0


def _join(conv: nn.Conv2d, factor: float) -> None:
    """The first three pairs become the first three channels."""
    conv.weight[:3] = 0
    for k in range(3):
        conv.weight[k, 2 * k, 1, 1], conv.weight[k, 2 * k + 1, 1, 1] = factor, -factor
    assert conv.bias is not None
    conv.bias[:3] = 0
