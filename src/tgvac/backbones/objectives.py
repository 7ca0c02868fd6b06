"""Losses of the stand-in backbones.

Stand-ins have the classes of the real networks, but are small and trained within an hour. Results obtained with them
cannot be compared with the paper's.
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

ORDERS = ((1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 0, 2))
"""Orders of red, green and blue that are not the true one: wrong colours."""

Loss = Callable[[int], torch.Tensor]


def vae_loss(vae: AutoencoderKL, views: Views, batch: int, kl_weight: float, seed: int) -> Loss:
    """L1 plus a weak KL term, on the three kinds of image that are encoded: frames, masks, whole objects on white."""

    def loss(step: int) -> torch.Tensor:
        at = views.draw(batch, "vae", seed, step)
        # Whole objects count double, since they are what completions show.
        parts = (views.frames(at[0::4]), views.wholes(at[1::4]), views.masks(at[2::4]), views.wholes(at[3::4]))
        x_B3SS = torch.cat(parts)
        if rng("vae mirror", seed, step).random() < 0.5:
            x_B3SS = x_B3SS.flip(-1)
        posterior = vae.encode(x_B3SS).latent_dist
        z = posterior.mean + posterior.std * normal(tuple(posterior.mean.shape), "vae posterior", seed, step)
        # Stable Diffusion's KL weight is for sums over an image. The error here is a mean, so the divergence is divided
        # as well. With 1e-6 of the sum, posteriors were so wide that a denoiser mostly saw their noise.
        divergence = posterior.kl().mean() / x_B3SS[0].numel()
        error: torch.Tensor = functional.l1_loss(vae.decode(z).sample, x_B3SS) + kl_weight * divergence
        return error

    return loss


def measure_latents(vae: AutoencoderKL, views: Views, count: int, batch: int, seed: int) -> torch.Tensor:
    """Latents ``float32 [P,c,h,w]`` of ``count`` images, half frames and half whole objects, to measure their scale."""
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
    """Text to an image of the whole object, as Stable Diffusion is before it gets frames and masks."""
    texts = ("", *sorted(set(views.texts)))
    states = dict(zip(texts, encode_text(backbones, texts), strict=True))
    mean_Pchw, _ = encode_moments(backbones.vae, views.wholes(range(len(views))), vae_batch)
    z_Pchw = mean_Pchw * backbones.vae.config.scaling_factor

    def loss(step: int) -> torch.Tensor:
        at = views.draw(batch, "unet", seed, step)
        keep = rng("unet text", seed, step).random(batch) >= drop_text
        text_BND = torch.stack([states[views.texts[i] if kept else ""] for i, kept in zip(at, keep, strict=True)])
        z_Bchw = z_Pchw[at]
        noise = normal(tuple(z_Bchw.shape), "unet noise", seed, step)
        t_B = torch.randint(schedule.config.num_train_timesteps, (batch,), generator=generator("unet t", seed, step))
        target = noise if prediction == "epsilon" else schedule.get_velocity(z_Bchw, noise, t_B)
        return functional.mse_loss(unet(schedule.add_noise(z_Bchw, noise, t_B), t_B, text_BND).sample, target)

    return loss


def clip_loss(
    clip: CLIPModel,
    processor: CLIPImageProcessor,
    tokenizer: Any,
    views: Views,
    batch: int,
    seed: int,
    name: str = "clip",
) -> Loss:
    """Contrastive loss of images with their sentences, and with a shifted and mirrored copy.

    Each image is also told from a spoiled copy of itself, in wrong colours or in its mean colour. Otherwise shape alone
    tells most images of a batch apart, and a scorer that ignores colour is as good.

    Args:
        name: what its batches are drawn by.
    """
    mean = torch.tensor(processor.image_mean).view(3, 1, 1)
    deviation = torch.tensor(processor.image_std).view(3, 1, 1)

    def loss(step: int) -> torch.Tensor:
        at = views.draw(batch, name, seed, step)
        texts, wholes_B3SS = [views.texts[i] for i in at], views.wholes(at)
        tokens = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")
        first, second = (
            torch.stack([_jitter(x, f"{name} {which}", seed, step, i) for i, x in enumerate(wholes_B3SS)])
            for which in ("a", "b")
        )
        spoiled, differs_B = _spoil(first, name, seed, step)
        first, second, spoiled = (((x + 1) / 2 - mean) / deviation for x in (first, second, spoiled))
        out = clip(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask, pixel_values=first)
        other, wrong = (clip.visual_projection(clip.vision_model(x).pooler_output) for x in (second, spoiled))
        other, wrong = (functional.normalize(x, dim=-1) for x in (other, wrong))
        # Objects with the same sentence are not negatives of each other.
        same = torch.tensor([[float(a == b) for b in texts] for a in texts])
        wanted = same / same.sum(dim=1, keepdim=True)
        scale = clip.logit_scale.exp()
        # A spoiled copy that looks like its original is nobody's negative.
        hidden_B = torch.where(differs_B, 0.0, -torch.inf)
        none = torch.zeros_like(wanted)
        losses = [functional.cross_entropy(scale * out.image_embeds @ out.text_embeds.T, wanted)]
        for a, b in ((out.text_embeds, out.image_embeds), (out.image_embeds, other)):
            logits = torch.cat([scale * a @ b.T, scale * a @ wrong.T + hidden_B], dim=1)
            # A probability of 0 times a logarithm of 0 would be NaN.
            logits = logits.clamp(min=torch.finfo(logits.dtype).min)
            losses.append(functional.cross_entropy(logits, torch.cat([wanted, none], dim=1)))
        return torch.stack(losses).mean()

    return loss


SPOILED = 0.1
"""By how much the mean pixel of an object, in [-1, 1], has to change for a spoiled copy to be another object."""


def _spoil(x_B3SS: torch.Tensor, name: str, seed: int, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Copies of objects on white, half of them with their colours in another order, half filled with their mean colour.

    Returns:
        the copies, and which of them differ enough from their original, ``bool [B]``.
    """
    on_B1SS = (x_B3SS < 1).any(dim=1, keepdim=True)
    area_B = on_B1SS.sum(dim=(1, 2, 3)).clamp(min=1)
    mean_B311 = ((x_B3SS * on_B1SS).sum(dim=(2, 3)) / area_B[:, None])[..., None, None]
    draw = rng("spoiled", name, seed, step)
    flat = torch.from_numpy(draw.random(len(x_B3SS)) < 0.5)[:, None, None, None]
    orders = [ORDERS[k] for k in draw.integers(len(ORDERS), size=len(x_B3SS))]
    turned_B3SS = torch.stack([x[list(order)] for x, order in zip(x_B3SS, orders, strict=True)])
    spoiled = torch.where(on_B1SS, torch.where(flat, mean_B311, turned_B3SS), x_B3SS)
    change_B = (spoiled - x_B3SS).abs().mean(dim=1).sum(dim=(1, 2)) / area_B
    return spoiled, change_B >= SPOILED


def _jitter(x_3SS: torch.Tensor, *names: str | int) -> torch.Tensor:
    """Shift by up to an eighth of the image, filled with white, and mirror half of the images."""
    draw = rng("jitter", *names)
    reach = x_3SS.shape[-1] // 8
    dy, dx = (int(v) for v in draw.integers(-reach, reach + 1, size=2))
    padded = functional.pad(x_3SS, (reach, reach, reach, reach), value=1.0)
    size = x_3SS.shape[-1]
    out = padded[:, reach + dy : reach + dy + size, reach + dx : reach + dx + size]
    return out.flip(-1) if draw.random() < 0.5 else out
