"""Latents with mean 0 and standard deviation 1 in each channel, by changing the 1 x 1 convolutions around them.

Stable Diffusion's latents are nearly centred. Those of a small autoencoder trained on mostly white images are not:
their means are nearly as large as their deviations, and a denoiser spends its steps on learning them. On the procedural
world, after 600 steps, the L1 of completions was 0.118 without centring and 0.103 with it. `scaling_factor` cannot fix
this, since it only multiplies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

# Shapes: c latent channels.


@torch.no_grad()
def centre_latents(vae: AutoencoderKL, mean_c: torch.Tensor, deviation_c: torch.Tensor) -> None:
    """Make the encoder return (z - mean) / deviation and the decoder invert it, so that decoded images stay the same.

    Args:
        vae: changed in place; needs ``quant_conv`` and ``post_quant_conv``, as Stable Diffusion has them.
        mean_c, deviation_c: statistics of the latents before the change, ``float [c]``.

    Raises:
        ValueError: when a deviation is not positive, or the autoencoder lacks one of the convolutions.
    """
    quant, post = vae.quant_conv, vae.post_quant_conv
    if quant is None or post is None:
        raise ValueError("The autoencoder has no quant_conv or no post_quant_conv; build it with both.")
    if not bool((deviation_c > 0).all()):
        raise ValueError(f"Deviations of latent channels must be positive, not {deviation_c.tolist()}.")
    channels = len(mean_c)
    # The first half of the encoder's channels is the mean, the second half the logarithm of the variance.
    quant.weight[:channels] /= deviation_c.view(-1, 1, 1, 1)
    quant.bias[:channels] = (quant.bias[:channels] - mean_c) / deviation_c
    quant.bias[channels:] -= 2 * deviation_c.log()
    post.bias += post.weight[:, :, 0, 0] @ mean_c
    post.weight *= deviation_c.view(1, -1, 1, 1)
