"""Training the stand-in backbones: objectives only.

They are of the real classes and are loaded by the ordinary path, but small and trained in minutes or
an hour; no number obtained with them is the paper's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from tgvac.backbones.views import Views
from tgvac.models.backbones import Backbones
from tgvac.models.latents import encode_moments
from tgvac.models.runtime import generator, normal
from tgvac.models.text import encode_text
from tgvac.seeds import rng

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPImageProcessor, CLIPModel

# Shapes: B pictures, S the model's square, c latent channels, h, w latents, N tokens, D widths, T noise levels.

Loss = Callable[[int], torch.Tensor]


def vae_loss(vae: AutoencoderKL, views: Views, batch: int, kl_weight: float, seed: int) -> Loss:
    """L1 plus a weak KL term, over the three kinds of picture the model will meet: frames, masks, wholes on white."""

    def loss(step: int) -> torch.Tensor:
        at = views.draw(batch, "vae", seed, step)
        # Wholes count double: what they look like decoded is what anyone will see.
        parts = (views.frames(at[0::4]), views.wholes(at[1::4]), views.masks(at[2::4]), views.wholes(at[3::4]))
        x_B3SS = torch.cat(parts)
        if rng("vae mirror", seed, step).random() < 0.5:
            x_B3SS = x_B3SS.flip(-1)
        posterior = vae.encode(x_B3SS).latent_dist
        z = posterior.mean + posterior.std * normal(tuple(posterior.mean.shape), "vae posterior", seed, step)
        # Stable Diffusion weighs sums over a picture; beside a mean error the divergence is divided, too. With 1e-6 of
        # the undivided sum posteriors were so wide that a denoiser was mostly shown their noise.
        divergence = posterior.kl().mean() / x_B3SS[0].numel()
        error: torch.Tensor = functional.l1_loss(vae.decode(z).sample, x_B3SS) + kl_weight * divergence
        return error

    return loss


def measure_latents(vae: AutoencoderKL, views: Views, count: int, batch: int, seed: int) -> torch.Tensor:
    """Latents ``float32 [P,c,h,w]`` of some pictures, half frames and half wholes: what a scale is measured on."""
    at = views.draw(count, "scaling", seed)
    return encode_moments(vae, torch.cat([views.frames(at[0::2]), views.wholes(at[1::2])]), batch)[0]


def unet_loss(
    unet: UNet2DConditionModel,
    backbones: Backbones,
    views: Views,
    schedule: DDIMScheduler,
    batch: int,
    vae_batch: int,
    drop_text: float,
    seed: int,
    prediction: str,
) -> Loss:
    """Text to picture of the whole object: what Stable Diffusion can do before it is told of frames and masks."""
    texts = ("", *sorted(set(views.texts)))
    states = dict(zip(texts, encode_text(backbones, texts), strict=True))
    mean_Pchw, _ = encode_moments(backbones.vae, views.wholes(range(len(views))), vae_batch)
    z_Pchw = mean_Pchw * backbones.vae.config.scaling_factor

    def loss(step: int) -> torch.Tensor:
        at = views.draw(batch, "unet", seed, step)
        keep = rng("unet text", seed, step).random(batch) >= drop_text
        text_BND = torch.stack([states[views.texts[i] if told else ""] for i, told in zip(at, keep, strict=True)])
        z_Bchw = z_Pchw[at]
        noise = normal(tuple(z_Bchw.shape), "unet noise", seed, step)
        t_B = torch.randint(schedule.config.num_train_timesteps, (batch,), generator=generator("unet t", seed, step))
        target = noise if prediction == "epsilon" else schedule.get_velocity(z_Bchw, noise, t_B)
        return functional.mse_loss(unet(schedule.add_noise(z_Bchw, noise, t_B), t_B, text_BND).sample, target)

    return loss


def clip_loss(
    clip: CLIPModel, processor: CLIPImageProcessor, tokenizer: Any, views: Views, batch: int, seed: int
) -> Loss:
    """Contrastive: a picture with its sentence, and with itself shifted and mirrored."""
    mean = torch.tensor(processor.image_mean).view(3, 1, 1)
    deviation = torch.tensor(processor.image_std).view(3, 1, 1)

    def loss(step: int) -> torch.Tensor:
        at = views.draw(batch, "clip", seed, step)
        texts, wholes_B3SS = [views.texts[i] for i in at], views.wholes(at)
        tokens = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")
        first, second = (
            torch.stack([_jitter(x, f"clip {which}", seed, step, i) for i, x in enumerate(wholes_B3SS)])
            for which in ("a", "b")
        )
        first, second = (((x + 1) / 2 - mean) / deviation for x in (first, second))
        out = clip(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask, pixel_values=first)
        other = clip(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask, pixel_values=second)
        # Objects with the same sentence are no negatives of each other.
        same = torch.tensor([[float(a == b) for b in texts] for a in texts])
        wanted = same / same.sum(dim=1, keepdim=True)
        scale = clip.logit_scale.exp()
        losses = [
            functional.cross_entropy(scale * a @ b.T, wanted)
            for a, b in (
                (out.image_embeds, out.text_embeds),
                (out.text_embeds, out.image_embeds),
                (out.image_embeds, other.image_embeds),
            )
        ]
        return torch.stack(losses).mean()

    return loss


def _jitter(x_3SS: torch.Tensor, *names: str | int) -> torch.Tensor:
    """A shift of up to an eighth of the picture and a mirroring, on white."""
    draw = rng("jitter", *names)
    reach = x_3SS.shape[-1] // 8
    dy, dx = (int(v) for v in draw.integers(-reach, reach + 1, size=2))
    padded = functional.pad(x_3SS, (reach, reach, reach, reach), value=1.0)
    size = x_3SS.shape[-1]
    out = padded[:, reach + dy : reach + dy + size, reach + dx : reach + dx + size]
    return out.flip(-1) if draw.random() < 0.5 else out
