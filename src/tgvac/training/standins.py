"""Training the stand-in backbones on the run's own train split: objectives only.

They are of the real classes and are loaded by the ordinary path, but small and trained in minutes;
no number obtained with them is the paper's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from tgvac.clip.captions import Caption
from tgvac.clip.framing import FramingParams, frame_masks, frame_video, windows_of
from tgvac.models.backbones import Backbones
from tgvac.models.latents import encode_moments, mask_to_tensor, to_tensor
from tgvac.models.runtime import generator, normal
from tgvac.models.schedule import add_noise
from tgvac.models.text import encode_text
from tgvac.seeds import rng
from tgvac.synthesis.clips import RecipeClips

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPImageProcessor, CLIPModel

# Shapes: B pictures, S the model's square, N tokens, D widths; a "view" is one drawn frame of one clip.


@dataclass(frozen=True)
class View:
    """Input frame, visible mask and whole object, each ``float32 [3,S,S]`` in [-1, 1], and the caption."""

    frame_3SS: torch.Tensor
    mask_3SS: torch.Tensor
    whole_3SS: torch.Tensor
    text: str


class Views:
    """Single framed pictures of the train split's clips, drawn by name.

    Args:
        clips: the train split.
        framing: as in training of the models.
        captions: by track.
    """

    def __init__(self, clips: RecipeClips, framing: FramingParams, captions: dict[str, Caption]) -> None:
        self._clips, self._framing, self._captions = clips, framing, captions
        self._samples = clips.samples()

    def draw(self, *names: str | int) -> View:
        """One view."""
        draw = rng("view", *names)
        sample = self._samples[int(draw.integers(len(self._samples)))]
        clip = self._clips.render(sample, [int(draw.integers(self._clips.length(sample)))])
        windows = windows_of(self._framing, clip.visible_FHW)
        frame = to_tensor(frame_video(self._framing, clip.frames_FHW3, windows, self._framing.pad))
        whole = to_tensor(frame_video(self._framing, clip.whole_FHW3, windows, 255))
        mask = mask_to_tensor(frame_masks(self._framing, clip.visible_FHW, windows))
        return View(frame[0], mask[0], whole[0], self._captions[clip.track].text)


def vae_loss(
    vae: AutoencoderKL, views: Views, batch: int, kl_weight: float, seed: int
) -> Callable[[int], torch.Tensor]:
    """L1 plus a weak KL term, over the three kinds of picture the model will meet: frames, masks, wholes on white."""

    def loss(step: int) -> torch.Tensor:
        # Wholes count double: what they look like decoded is what anyone will see.
        drawn = [views.draw("vae", seed, step, i) for i in range(batch)]
        kinds = [(v.frame_3SS, v.whole_3SS, v.mask_3SS, v.whole_3SS)[i % 4] for i, v in enumerate(drawn)]
        x_B3SS = torch.stack(kinds)
        posterior = vae.encode(x_B3SS).latent_dist
        z = posterior.mean + posterior.std * normal(tuple(posterior.mean.shape), "vae posterior", seed, step)
        error: torch.Tensor = functional.l1_loss(vae.decode(z).sample, x_B3SS) + kl_weight * posterior.kl().mean()
        return error

    return loss


def measure_scaling(vae: AutoencoderKL, views: Views, count: int, batch: int, seed: int) -> float:
    """1 / standard deviation of the latents, as Stable Diffusion's 0.18215 came about."""
    drawn = [views.draw("scaling", seed, i) for i in range(count)]
    x = torch.stack([(v.frame_3SS, v.whole_3SS)[i % 2] for i, v in enumerate(drawn)])
    mean, _ = encode_moments(vae, x, batch)
    return round(1.0 / float(mean.std()), 5)


def unet_loss(
    unet: UNet2DConditionModel,
    backbones: Backbones,
    views: Views,
    alphas_T: torch.Tensor,
    batch: int,
    vae_batch: int,
    seed: int,
) -> Callable[[int], torch.Tensor]:
    """Text to picture of the whole object: what Stable Diffusion can do before it is told of frames and masks."""
    states: dict[str, torch.Tensor] = {}

    def state(text: str) -> torch.Tensor:
        if text not in states:
            states[text] = encode_text(backbones, [text])[0]
        return states[text]

    def loss(step: int) -> torch.Tensor:
        drawn = [views.draw("unet", seed, step, i) for i in range(batch)]
        mean, _ = encode_moments(backbones.vae, torch.stack([v.whole_3SS for v in drawn]), vae_batch)
        z = mean * backbones.vae.config.scaling_factor
        noise = normal(tuple(z.shape), "unet noise", seed, step)
        t_B = torch.randint(len(alphas_T), (batch,), generator=generator("unet t", seed, step))
        predicted = unet(add_noise(alphas_T, z, noise, t_B), t_B, torch.stack([state(v.text) for v in drawn])).sample
        return functional.mse_loss(predicted, noise)

    return loss


def clip_loss(
    clip: CLIPModel, processor: CLIPImageProcessor, tokenizer: Any, views: Views, batch: int, seed: int
) -> Callable[[int], torch.Tensor]:
    """Contrastive: a picture with its sentence, and with another frame of an object of that sentence."""
    mean = torch.tensor(processor.image_mean).view(3, 1, 1)
    deviation = torch.tensor(processor.image_std).view(3, 1, 1)

    def pixels(x_3SS: torch.Tensor, *names: str | int) -> torch.Tensor:
        return ((_jitter(x_3SS, *names) + 1) / 2 - mean) / deviation

    def loss(step: int) -> torch.Tensor:
        drawn = [views.draw("clip", seed, step, i) for i in range(batch)]
        texts = [v.text for v in drawn]
        tokens = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")
        first = torch.stack([pixels(v.whole_3SS, "clip a", seed, step, i) for i, v in enumerate(drawn)])
        second = torch.stack([pixels(v.whole_3SS, "clip b", seed, step, i) for i, v in enumerate(drawn)])
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
