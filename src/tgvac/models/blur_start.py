"""An initialisation of small autoencoders: a blur that keeps colours.

With random weights, a small ``AutoencoderKL`` learns brightness first and stays grey for hundreds of steps, because our
images are mostly white and colour is a weak signal. With these weights it is an autoencoder from the first step:
encoder and decoder pass red, green, blue and brightness through, at a quarter of the size. Residual branches start
small. All other weights stay as they were drawn.

Each signal x uses two channels, +x and -x. Since silu(x) - silu(-x) = x, it passes the last activation unchanged, and
the mean that group normalisation subtracts is zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

_PAIRS = 4
"""Red, green, blue and their mean; each with both signs."""

_RESIDUAL = 0.1
"""Factor of the residual branches' last weights."""

_CONTRAST = 0.6
"""Standard deviation of images in [-1, 1]; that of normalised signals is 1."""

_LOGVAR = -6.0
"""Log variance of the posterior. Unit noise would hide everything that is learned first."""


@torch.no_grad()
def start_as_blur(vae: AutoencoderKL) -> AutoencoderKL:
    """Change the weights of a fresh autoencoder, in place.

    Raises:
        ValueError: when a level has fewer than eight channels, or the latents fewer than three.
    """
    from diffusers.models.resnet import Downsample2D, ResnetBlock2D, Upsample2D

    width, latents = min(vae.config.block_out_channels), vae.config.latent_channels
    if width < 2 * _PAIRS or latents < 3:
        raise ValueError(f"{width} channels and {latents} latent channels cannot carry colours; use at least 8 and 3")
    for module in vae.modules():
        if isinstance(module, ResnetBlock2D):
            module.conv2.weight.mul_(_RESIDUAL)
            nn.init.zeros_(module.conv2.bias)
            if module.conv_shortcut is not None:
                _carry(module.conv_shortcut, torch.ones(1, 1))
        elif isinstance(module, Downsample2D):
            # The mean of the 2 x 2 pixels that become one.
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
    """Pass the first eight channels through, each filtered by the same kernel."""
    conv.weight[: 2 * _PAIRS] = 0
    for channel in range(2 * _PAIRS):
        conv.weight[channel, channel] = kernel_KK
    assert conv.bias is not None
    conv.bias[: 2 * _PAIRS] = 0


def _split(conv: nn.Conv2d, signals_SC: torch.Tensor) -> None:
    """Write mixtures of the input channels into pairs of channels, one with each sign."""
    conv.weight[: 2 * _PAIRS] = 0
    conv.weight[: 2 * _PAIRS : 2, :, 1, 1] = signals_SC
    conv.weight[1 : 2 * _PAIRS : 2, :, 1, 1] = -signals_SC
    assert conv.bias is not None
    conv.bias[: 2 * _PAIRS] = 0


def _join(conv: nn.Conv2d, factor: float) -> None:
    """Turn the first three pairs into the first three channels."""
    conv.weight[:3] = 0
    for k in range(3):
        conv.weight[k, 2 * k, 1, 1], conv.weight[k, 2 * k + 1, 1, 1] = factor, -factor
    assert conv.bias is not None
    conv.bias[:3] = 0
