"""Watching a training: pictures and the loss of the same held-out clips, with the averaged weights of a step.

samples/step-00000300.png     one column per frame: the input, the model's completion, the ground truth through the
                              autoencoder (the ceiling), the ground truth
samples/validation.jsonl      step, and the loss on these clips with fixed noise at fixed noise levels
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from tgvac.clips.captions import read_captions
from tgvac.clips.images import encode_png
from tgvac.clips.recipe import Recipe, read_recipes
from tgvac.files import writing
from tgvac.latents.encoding import follows_masks
from tgvac.models.backbones import Backbones
from tgvac.models.latents import decode, encode_moments, to_images, to_tensor
from tgvac.models.noise_models import NoiseModel, loss_weights
from tgvac.models.runtime import normal
from tgvac.models.schedule import noise_schedule
from tgvac.sampling.condition import VideoCondition, condition_of
from tgvac.sampling.params import SamplerParams
from tgvac.sampling.temporal_diffusion import NotFinite, initial_noise, sample_video
from tgvac.seeds import rng
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener
from tgvac.training.events import append_event, drop_events_after
from tgvac.training.objective import QUARTERS, Batch, noise_loss
from tgvac.training.params import TrainingParams
from tgvac.training.run_params import SamplesParams

if TYPE_CHECKING:
    from tgvac.training.noise_training import Blocks

# Shapes: F frames of a clip, S the model's square.

GAP = 2
"""White pixels between two tiles."""


@dataclass(frozen=True)
class Shown:
    """One held-out clip: the model's conditions, and the other tiles of the picture."""

    sample: str
    condition: VideoCondition
    z_Fchw: torch.Tensor
    frames_FSS3: np.ndarray
    ceilings_FSS3: np.ndarray
    wholes_FSS3: np.ndarray


@dataclass(frozen=True)
class HeldOut:
    """The held-out clips. They are encoded when first needed, since a finished training does not need them."""

    ctx: Context
    params: TrainingParams
    blocks: Blocks
    backbones: Backbones

    @cached_property
    def clips(self) -> list[Shown]:
        """Clips of the dev split, or of train if dev is empty; one clip of each object first."""
        span = self.params.frame_step * (self.params.clip_frames - 1) + 1
        recipes = [r for r in read_recipes(self.ctx.results / "synthesis" / "recipes.parquet") if r.frames >= span]
        count = max(1, self.blocks.samples.pictures // self._columns)
        for split in ("dev", "train"):
            if chosen := choose([r for r in recipes if r.split == split], count):
                source = RecipeClips(chosen, track_opener(self.ctx))
                return [self._shown(source, recipe, span) for recipe in chosen]
        return []

    @property
    def _columns(self) -> int:
        """Number of shown frames of a clip; of shorter clips, more clips are shown."""
        return min(4, self.params.clip_frames)

    def _shown(self, source: RecipeClips, recipe: Recipe, span: int) -> Shown:
        start = (recipe.frames - span) // 2
        wanted = range(start, start + span, self.params.frame_step)
        # A window that follows the masks depends on the whole clip, as in training.
        follows = follows_masks(self.blocks.framing)
        clip = source.framed(recipe.recipe, self.blocks.framing, None if follows else wanted)
        if follows:
            clip = clip.of(wanted)
        text = self.captions.get(recipe.target, "")
        condition = condition_of(
            self.backbones,
            clip.frames_FSS3,
            clip.visible_FSS,
            text,
            self.blocks.conditions,
            self.blocks.compute.vae_batch,
        )
        mean, _ = encode_moments(self.backbones.vae, to_tensor(clip.whole_FSS3), self.blocks.compute.vae_batch)
        z_Fchw = mean * self.backbones.vae.config.scaling_factor
        ceilings_FSS3 = to_images(decode(self.backbones.vae, z_Fchw, self.blocks.compute.vae_batch))
        return Shown(recipe.recipe, condition, z_Fchw, clip.frames_FSS3, ceilings_FSS3, clip.whole_FSS3)

    @cached_property
    def captions(self) -> dict[str, str]:
        """Sentences by track."""
        found = read_captions(self.ctx.results / "captions" / "captions.parquet")
        return {track: caption.text for track, caption in found.items()}

    @torch.no_grad()
    def loss(self, model: NoiseModel, device: torch.device) -> float | None:
        """The mean loss on the held-out clips at the middle level of each quarter of noise levels; None without clips.

        The noise does not depend on the step, so that values of different steps and runs can be compared.
        """
        diffusion = self.blocks.diffusion
        schedule = noise_schedule(diffusion)
        weights_T = loss_weights(diffusion, schedule.alphas_cumprod)
        levels, found = diffusion.train_steps, []
        for shown in self.clips:
            condition, z_1cFhw = shown.condition, shown.z_Fchw.transpose(0, 1)[None]
            frame, mask = (x.transpose(0, 1)[None] for x in (condition.frame_Fchw, condition.mask_Fchw))
            for quarter in range(QUARTERS):
                t_1 = torch.tensor([(2 * quarter + 1) * levels // (2 * QUARTERS)])
                noise = normal(tuple(z_1cFhw.shape), "validation noise", shown.sample, quarter)
                batch = Batch(z_1cFhw, frame, mask, condition.text_KND, noise, t_1, condition.layout)
                found.append(float(noise_loss(model, batch, schedule, device, weights_T, diffusion.target).mean))
        return sum(found) / len(found) if found else None

    def picture(self, model: NoiseModel, device: torch.device) -> np.ndarray | None:
        """The grid ``uint8 [H,W,3]`` with the present weights; None without clips."""
        columns = []
        for shown in self.clips:
            made = self._complete(model, shown, device)
            for i in np.linspace(0, len(made) - 1, self._columns).round().astype(int):
                columns.append((shown.frames_FSS3[i], made[i], shown.ceilings_FSS3[i], shown.wholes_FSS3[i]))
        return grid(columns) if columns else None

    def _complete(self, model: NoiseModel, shown: Shown, device: torch.device) -> np.ndarray:
        frames, shape = len(shown.frames_FSS3), shown.condition.frame_Fchw.shape[1:]
        sampler = plain_sampler(self.blocks.sampler, self.blocks.samples, frames)

        def noise(part: range) -> torch.Tensor:
            return initial_noise(part, tuple(shape), f"watched {shown.sample}", 0)

        z = sample_video(model, shown.condition, noise, self.blocks.diffusion, sampler, device)
        return to_images(decode(self.backbones.vae, z, self.blocks.compute.vae_batch))


def plain_sampler(sampler: SamplerParams, samples: SamplesParams, frames: int) -> SamplerParams:
    """The sampler for pictures during a training: one window with all frames, no fresh noise."""
    changes = {"steps": samples.sampling_steps, "guidance": samples.guidance, "eta": 0.0, "unconditional": "text"}
    one_window = {"clip_frames": frames, "stride": frames, "batch_windows": 1, "overlap": 1.0, "ends": "inside"}
    return SamplerParams(**{**sampler.model_dump(), **changes, **one_window})


def choose(recipes: list[Recipe], count: int) -> list[Recipe]:
    """Some recipes, drawn by name: one of each object first, then further ones of the same objects."""
    drawn = sorted(recipes, key=lambda r: (float(rng("watched", r.recipe).random()), r.recipe))
    turns: Counter[str] = Counter()
    ranked = []
    for recipe in drawn:
        ranked.append((turns[recipe.target], recipe))
        turns[recipe.target] += 1
    return [recipe for _, recipe in sorted(ranked, key=lambda each: each[0])[:count]]


def grid(columns: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """A picture ``uint8 [H,W,3]`` of tiles ``uint8 [S,S,3]``, given by columns, with white between them."""
    size = columns[0][0].shape[0]
    rows = len(columns[0])
    out = np.full((rows * (size + GAP) - GAP, len(columns) * (size + GAP) - GAP, 3), 255, np.uint8)
    for x, column in enumerate(columns):
        for y, tile in enumerate(column):
            top, left = y * (size + GAP), x * (size + GAP)
            out[top : top + size, left : left + size] = tile
    return out


def watcher(held_out: HeldOut, model: NoiseModel, device: torch.device) -> Callable[[int, Path], None]:
    """The function that the loop calls with a step and the folder for its picture."""

    def watch(step: int, folder: Path) -> None:
        try:
            picture, loss = held_out.picture(model, device), held_out.loss(model, device)
        except NotFinite as error:
            no_picture(step, error)
            return
        if picture is not None and loss is not None:
            save_picture(folder, step, picture)
            note_once(folder / "validation.jsonl", step, "validation_loss", loss)

    return watch


def save_picture(folder: Path, step: int, picture: np.ndarray) -> None:
    """Write the picture of a step under its name."""
    with writing(folder / f"step-{step:08d}.png") as part:
        part.write_bytes(encode_png(picture))


def note_once(file: Path, step: int, name: str, value: float) -> None:
    """Write the line of a step. It replaces an earlier one, since a run that was killed may measure a step again."""
    drop_events_after(file, step - 1)
    append_event(file, {"step": step, name: value})


def no_picture(step: int, error: NotFinite) -> None:
    """Say that there is no picture. This does not stop the training; only its loss can."""
    print(f"no picture at step {step}: {error}", file=sys.stderr, flush=True)
