"""Pixels to latents and back.

Shapes: F frames, S the model's square, h = w = S / f latents, c latent channels.
The autoencoder's batch size is a parameter, since it changes the last bits of the results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from diffusers import AutoencoderKL


def to_tensor(images_FSS3: np.ndarray) -> torch.Tensor:
    """``uint8 [F,S,S,3]`` to ``float32 [F,3,S,S]`` in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(images_FSS3)).permute(0, 3, 1, 2).float().div(127.5).sub(1.0)


def mask_to_tensor(masks_FSS: np.ndarray) -> torch.Tensor:
    """A mask ``uint8 [F,S,S]`` in {0, 255} as a grey image ``float32 [F,3,S,S]``, as pix2gestalt encodes it."""
    return to_tensor(np.repeat(masks_FSS[..., None], 3, axis=-1))


def to_images(x_F3SS: torch.Tensor) -> np.ndarray:
    """``float [F,3,S,S]`` in [-1, 1] to ``uint8 [F,S,S,3]``, rounded."""
    scaled = x_F3SS.detach().float().cpu().add(1.0).mul(127.5).round().clamp(0, 255)
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


@torch.no_grad()
def encode_moments(vae: AutoencoderKL, x_F3SS: torch.Tensor, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of the latents, each ``float32 [F,c,h,w]`` on the CPU, not scaled."""
    means, deviations = [], []
    for part in torch.split(x_F3SS, batch):
        posterior = vae.encode(_padded(part, batch).to(vae.device)).latent_dist
        means.append(posterior.mean[: len(part)].float().cpu())
        deviations.append(posterior.std[: len(part)].float().cpu())
    return torch.cat(means).contiguous(), torch.cat(deviations).contiguous()


def encode_mode(vae: AutoencoderKL, x_F3SS: torch.Tensor, batch: int) -> torch.Tensor:
    """The latents' mode, ``float32 [F,c,h,w]`` on the CPU, not scaled. Conditions are encoded this way."""
    return encode_moments(vae, x_F3SS, batch)[0]


def encode_conditions(
    vae: AutoencoderKL, frames_FSS3: np.ndarray, masks_FSS: np.ndarray, batch: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The conditions of a framed clip: latents of its frames and of its visible masks (mode, not scaled)."""
    return encode_mode(vae, to_tensor(frames_FSS3), batch), encode_mode(vae, mask_to_tensor(masks_FSS), batch)


@torch.no_grad()
def decode(vae: AutoencoderKL, z_Fchw: torch.Tensor, batch: int) -> torch.Tensor:
    """Scaled latents to images ``float32 [F,3,S,S]`` in about [-1, 1], on the CPU."""
    out = []
    for part in torch.split(z_Fchw, batch):
        z = _padded(part, batch).to(vae.device) / vae.config.scaling_factor
        out.append(vae.decode(z).sample[: len(part)].float().cpu())
    return torch.cat(out)


def decode_images(vae: AutoencoderKL, z_Fchw: torch.Tensor, batch: int) -> np.ndarray:
    """Scaled latents to images ``uint8 [F,S,S,3]``; floats of one batch at a time."""
    parts = [to_images(decode(vae, part, batch)) for part in torch.split(z_Fchw, batch)]
    return np.concatenate(parts)


def _padded(x: torch.Tensor, batch: int) -> torch.Tensor:
    """Repeat the last entry until the batch is full, since other batch sizes give other bits.

    The memory layout matters, too: convolutions of channels-last tensors round differently.
    """
    return torch.cat([x, x[-1:].expand(batch - len(x), *x.shape[1:])]).contiguous()


def round_trip(vae: AutoencoderKL, images_FSS3: np.ndarray, batch: int) -> np.ndarray:
    """Images encoded and decoded, ``uint8 [F,S,S,3]``: the upper bound for every method that works in these latents."""
    z = encode_mode(vae, to_tensor(images_FSS3), batch) * vae.config.scaling_factor
    return to_images(decode(vae, z, batch))
