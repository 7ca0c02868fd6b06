"""Training clips of random pictures: as cached latents, and as pictures that are encoded at each read.

The time does not depend on the content. Both kinds are read by the training's ``make_batch`` and give the same numbers,
so a step of either computes the same loss.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from tgvac.clips.captions import Caption, write_captions
from tgvac.clips.recipe import Recipe, write_recipes
from tgvac.files import sha256
from tgvac.latents.latent_clips import LatentClips
from tgvac.models.backbones import Backbones
from tgvac.models.latents import encode_mode, encode_moments, mask_to_tensor, to_tensor
from tgvac.seeds import rng
from tgvac.shards import Entry, write_index
from tgvac.stage import Context

TEXT = "a brown dog with a white tail"


@dataclass(frozen=True)
class Pictures:
    """A framed clip: ``uint8 [F,S,S,3]``, masks ``uint8 [F,S,S]`` in {0, 255}."""

    frames_FSS3: np.ndarray
    masks_FSS: np.ndarray
    wholes_FSS3: np.ndarray

    def encoded(self, backbones: Backbones, what: str) -> dict[str, torch.Tensor]:
        """The latents of target, frame or mask, of all frames, by their names in the cache."""
        batch = len(self.frames_FSS3)
        if what == "frame":
            return {"frame": encode_mode(backbones.vae, to_tensor(self.frames_FSS3), batch)}
        if what == "mask":
            return {"mask": encode_mode(backbones.vae, mask_to_tensor(self.masks_FSS), batch)}
        mean, deviation = encode_moments(backbones.vae, to_tensor(self.wholes_FSS3), batch)
        return {"target_mean": mean, "target_std": deviation}


def pictures(count: int, frames: int, size: int) -> dict[str, Pictures]:
    """Random clips, by the id of their recipe."""
    found = {}
    for i in range(count):
        drawn = rng("bench pictures", i)
        colours = [drawn.integers(0, 256, (frames, size, size, 3), np.uint8) for _ in range(2)]
        mask_FSS = drawn.integers(0, 2, (frames, size, size), np.uint8) * np.uint8(255)
        found[f"bench/v{i}/1/r0"] = Pictures(colours[0], mask_FSS, colours[1])
    return found


def write_cache(folder: Path, clips: Mapping[str, Pictures], backbones: Backbones) -> Context:
    """Write the clips' latents, recipes and captions as their phases do."""
    shutil.rmtree(folder, ignore_errors=True)
    ctx = Context(folder, "bench", "frame", "")
    recipes, entries, captions = [], [], []
    base = ctx.results / "latents"
    for name, clip in clips.items():
        track, frames = name.rpartition("/")[0], len(clip.frames_FSS3)
        tensors: dict[str, torch.Tensor] = {}
        for what in ("target", "frame", "mask"):
            tensors |= {f"{name}|{key}": value for key, value in clip.encoded(backbones, what).items()}
        path = base / "files" / f"{track.replace('/', '--')}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, path)
        facts = {"recipes": {name: frames}}
        entries.append(Entry(track, path.relative_to(base).as_posix(), sha256(path), path.stat().st_size, facts))
        captions.append(Caption(track=track, captioner="given", raw=TEXT, text=TEXT))
        video, rate = track.rpartition("/")[0], 0.3
        recipes.append(
            Recipe(
                **{"recipe": name, "target": track, "video": video, "source": "bench", "split": "train"},
                **{"start": 0, "frame_step": 1, "frames": frames, "occluders": (), "seed": 0},
                **{"mean_rate": rate, "max_rate": rate},
            )
        )
    write_index(base / "index.json", entries)
    write_recipes(ctx.results / "synthesis" / "recipes.parquet", recipes)
    write_captions(ctx.results / "captions" / "captions.parquet", captions)
    return ctx


class EncodedClips(LatentClips):
    """The same clips, encoded at each read; only whole clips can be read."""

    def __init__(self, ctx: Context, frames: int, clips: Mapping[str, Pictures], backbones: Backbones) -> None:
        super().__init__(ctx, "train", frames)
        self._pictures, self._backbones = clips, backbones
        self._deviation: dict[str, torch.Tensor] = {}

    def read(self, sample: str, what: str, start: int, count: int, step: int = 1, draw: int = 0) -> torch.Tensor:
        """``float32 [count,c,h,w]``. Read a target's mean before its deviation, which is encoded with it."""
        if (start, step, count) != (0, 1, len(self._pictures[sample].frames_FSS3)):
            raise ValueError(f"{count} frames from {start} by {step} are not the whole clip {sample}")
        if what == "target_std":
            return self._deviation.pop(sample)
        found = self._pictures[sample].encoded(self._backbones, what)
        if what == "target_mean":
            self._deviation[sample] = found["target_std"]
        return found[what]
