"""Images made while stand-ins are trained: reconstructions of the autoencoder, and the UNet's images of sentences.

samples/<part>/step-00000500.png     one column per image of the run's pool: the input, and the result
samples/vae/watched.jsonl            step, and the PSNR of these images through the autoencoder, in dB

The scoring CLIP makes no images.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from tgvac.backbones.views import Views
from tgvac.models.backbones import Backbones
from tgvac.models.latents import decode, encode_mode, round_trip, to_images, to_tensor
from tgvac.models.layouts import FRAME_MASK
from tgvac.models.noise_models import frame_noise_model
from tgvac.models.params import DiffusionParams
from tgvac.models.text import encode_text
from tgvac.sampling.condition import VideoCondition
from tgvac.sampling.params import SamplerParams
from tgvac.sampling.temporal_diffusion import NotFinite, initial_noise, sample_video
from tgvac.training.run_params import SamplesParams
from tgvac.training.watching import grid, no_picture, note_once, plain_sampler, save_picture

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel

# Shapes: P pictures, S the model's square, c latent channels, h, w latents.

Watch = Callable[[int, Path], None]


def watch_autoencoder(vae: AutoencoderKL, views: Callable[[], Views], samples: SamplesParams, vae_batch: int) -> Watch:
    """Show frames and whole objects in turn with their reconstructions; ``views`` is called at the first use."""

    def watch(step: int, folder: Path) -> None:
        pool = views()
        at = pool.draw(samples.pictures, "watched")
        given_PSS3 = np.where(np.arange(len(at))[:, None, None, None] % 2, pool.wholes_PSS3[at], pool.frames_PSS3[at])
        back_PSS3 = round_trip(vae, given_PSS3, vae_batch)
        save_picture(folder, step, grid(list(zip(given_PSS3, back_PSS3, strict=True))))
        error = float(np.square(given_PSS3.astype(np.float64) - back_PSS3).mean())
        note_once(folder / "watched.jsonl", step, "psnr", 10 * math.log10(255**2 / max(error, 1e-9)))

    return watch


def watch_text_to_picture(
    unet: UNet2DConditionModel,
    backbones: Backbones,
    views: Callable[[], Views],
    samples: SamplesParams,
    sampler: SamplerParams,
    diffusion: DiffusionParams,
    vae_batch: int,
) -> Watch:
    """Show whole objects, and the UNet's images of their sentences."""
    network = frame_noise_model(unet)

    def of_latents(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        # The only condition is the sentence. The first channels are the noised latents.
        return network(x_BCFhw[:, : unet.config["in_channels"]], t_B, text_BND)

    def watch(step: int, folder: Path) -> None:
        pool = views()
        at = pool.draw(samples.pictures, "watched")
        null_1ND, *texts = (encode_text(backbones, [text]) for text in ("", *(pool.texts[i] for i in at)))
        try:
            shape = tuple(encode_mode(backbones.vae, to_tensor(pool.wholes_PSS3[at[:1]]), vae_batch).shape[1:])
            drawn = [_drawn(text_1ND, null_1ND, shape, f"watched {i}") for i, text_1ND in enumerate(texts)]
        except NotFinite as error:
            no_picture(step, error)
            return
        made_PSS3 = to_images(decode(backbones.vae, torch.cat(drawn), vae_batch))
        save_picture(folder, step, grid(list(zip(pool.wholes_PSS3[at], made_PSS3, strict=True))))

    def _drawn(text_1ND: torch.Tensor, null_1ND: torch.Tensor, shape: tuple[int, ...], name: str) -> torch.Tensor:
        nothing = torch.zeros(1, *shape)
        condition = VideoCondition(nothing, nothing, text_1ND, null_1ND, FRAME_MASK)
        plain = plain_sampler(sampler, samples, 1)

        def noise(part: range) -> torch.Tensor:
            return initial_noise(part, shape, name, 0)

        return sample_video(of_latents, condition, noise, diffusion, plain, nothing.device)

    return watch
