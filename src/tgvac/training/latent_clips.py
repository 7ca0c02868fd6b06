"""Reading cached latents: random windows of random clips, memory-mapped, drawn by name."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from tgvac.clip.captions import read_captions
from tgvac.clip.recipe import read_recipes
from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.models.backbones import Backbones
from tgvac.models.text import encode_text
from tgvac.seeds import rng
from tgvac.shards import read_index
from tgvac.stage import Context


class LatentClips:
    """The cached clips of one split.

    Args:
        split: which split.
        min_frames: clips shorter than this are left out.
    """

    def __init__(self, ctx: Context, split: str, min_frames: int) -> None:
        index = read_index(ctx.results / "latents" / "index.json")
        wanted = {
            r.recipe: r.target
            for r in read_recipes(ctx.results / "synthesis" / "recipes.parquet")
            if r.split == split and r.frames >= min_frames
        }
        self._files = {name: ctx.upstream("latents", index[t]) for name, t in wanted.items() if t in index}
        self._lengths = {n: int(index[t].facts["recipes"][n]) for n, t in wanted.items() if t in index}
        self.samples = tuple(sorted(self._files))
        self._tracks = wanted
        self._captions = {t: c.text for t, c in read_captions(ctx.results / "captions" / "captions.parquet").items()}
        self._open = lru_cache(maxsize=64)(_open)
        if not self.samples:
            raise BadInput(
                f"No clip of the split '{split}' has {min_frames} frames and cached latents;"
                " lower clip_frames or select.min_frames, or give longer videos."
            )

    @property
    def digest(self) -> str:
        """Of which clips there are, and their lengths and texts: a clip that changed its split is noticed by it."""
        return digest([[s, self._lengths[s], self.text(s)] for s in self.samples])

    def text(self, sample: str) -> str:
        return self._captions[self._tracks[sample]]

    def texts(self) -> tuple[str, ...]:
        """All texts of the split, sorted, each once."""
        return tuple(sorted({self.text(s) for s in self.samples}))

    def read(self, sample: str, what: str, start: int, count: int, step: int = 1) -> torch.Tensor:
        """``float32 [count,c,h,w]``: latents of frames ``start + step * i`` of a clip."""
        part = self._open(self._files[sample]).get_slice(f"{sample}|{what}")
        latents: torch.Tensor = part[start : start + step * (count - 1) + 1][::step].clone()
        return latents

    def draw(self, count: int, step: int, *names: str | int) -> tuple[str, int]:
        """A clip and a start, drawn by name: clips equally likely, then starts equally likely."""
        generator = rng("clip", *names)
        sample = self.samples[int(generator.integers(len(self.samples)))]
        span = step * (count - 1) + 1
        return sample, int(generator.integers(self._lengths[sample] - span + 1))


def _open(path: Path) -> Any:
    return safe_open(path, framework="pt")


class TextStates:
    """The encoder's states of every text of a split, and of the empty text; encoded once."""

    def __init__(self, backbones: Backbones, texts: tuple[str, ...]) -> None:
        self._states = dict(zip(("", *texts), encode_text(backbones, ("", *texts)), strict=True))

    def __getitem__(self, text: str) -> torch.Tensor:
        """``float32 [N,D]``."""
        states: torch.Tensor = self._states[text]
        return states
