"""Reading cached latents: random windows of random clips, or single pairs, memory-mapped, drawn by name."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open

from tgvac.clip.captions import read_captions
from tgvac.clip.recipe import read_recipes
from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.models.backbones import Backbones
from tgvac.models.text import encode_text
from tgvac.seeds import rng, unit
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
        """The sentence of the clip's object, or "" where it has none."""
        return self._captions.get(self._tracks[sample], "")

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


class LatentPairs:
    """The cached pairs of all sources: clips of one frame.

    A sample is named ``<source>/<bucket>#<row>``: with hundreds of thousands of pairs, a table of them all is
    avoided, and a pair's own name stands in its file.
    """

    def __init__(self, ctx: Context) -> None:
        index = read_index(ctx.results / "latents" / "index.json")
        self._entries = {name: entry for name, entry in index.items() if "pairs" in entry.facts}
        self._files = {name: ctx.upstream("latents", entry) for name, entry in self._entries.items()}
        self._names = sorted(self._entries)
        self._ends = np.cumsum([int(self._entries[name].facts["pairs"]) for name in self._names])
        captions = read_captions(ctx.results / "captions" / "captions.parquet")
        self._captions = {track: caption.text for track, caption in captions.items()}
        self._open = lru_cache(maxsize=64)(_open)
        if not self._names or self._ends[-1] == 0:
            raise BadInput(
                "There are no cached pairs to train on; name a source of pairs in sources.pairs, or set"
                " frame.pairs_share to 0."
            )

    @property
    def digest(self) -> str:
        """Of the buckets; the texts are decided by the captions, whose digest is part of a run's key already."""
        return digest([[name, self._entries[name].sha256] for name in self._names])

    def text(self, sample: str) -> str:
        """The pair's sentence, or "" where it has none."""
        name, _, row = sample.partition("#")
        return self._captions.get(f"{pair_names(self._open(self._files[name]))[int(row)]}/1", "")

    def read(self, sample: str, what: str, start: int, count: int, step: int = 1) -> torch.Tensor:
        """``float32 [1,c,h,w]``: latents of a pair's one frame."""
        if (start, count) != (0, 1):
            raise ValueError(f"{sample} has one frame, 0; {count} from {start} were asked for")
        name, _, row = sample.partition("#")
        part: torch.Tensor = self._open(self._files[name]).get_slice(what)[int(row) : int(row) + 1]
        return part.clone()

    def draw(self, count: int, step: int, *names: str | int) -> tuple[str, int]:
        """A pair, drawn by name, all equally likely; its start is 0."""
        number = int(rng("pair", *names).integers(self._ends[-1]))
        at = int(np.searchsorted(self._ends, number, side="right"))
        row = number - (int(self._ends[at - 1]) if at else 0)
        return f"{self._names[at]}#{row}", 0


class MixedClips:
    """Pairs with a given probability, else clips; each draw by name.

    Args:
        share: probability of a pair, in (0, 1).
    """

    def __init__(self, clips: LatentClips, pairs: LatentPairs, share: float) -> None:
        self._clips, self._pairs, self._share = clips, pairs, share

    @property
    def digest(self) -> str:
        return digest([self._clips.digest, self._pairs.digest])

    def _of(self, sample: str) -> LatentClips | LatentPairs:
        return self._pairs if "#" in sample else self._clips

    def text(self, sample: str) -> str:
        return self._of(sample).text(sample)

    def read(self, sample: str, what: str, start: int, count: int, step: int = 1) -> torch.Tensor:
        """As the clips or the pairs do."""
        return self._of(sample).read(sample, what, start, count, step)

    def draw(self, count: int, step: int, *names: str | int) -> tuple[str, int]:
        """A pair or a clip with a start."""
        return (self._pairs if unit("pair or clip", *names) < self._share else self._clips).draw(count, step, *names)


TrainingClips = LatentClips | LatentPairs | MixedClips


def training_clips(ctx: Context, pairs_share: float, min_frames: int) -> TrainingClips:
    """What a stage is trained on: clips of the train split, pairs, or both."""
    if pairs_share == 0:
        return LatentClips(ctx, "train", min_frames)
    if pairs_share == 1:
        return LatentPairs(ctx)
    return MixedClips(LatentClips(ctx, "train", min_frames), LatentPairs(ctx), pairs_share)


def pair_names(file: Any) -> list[str]:
    """The ids ``<source>/<id>`` of an opened file's pairs, row by row."""
    return _split_names(file.metadata()["pairs"])


@lru_cache(maxsize=64)
def _split_names(text: str) -> list[str]:
    return text.split("\n")


def _open(path: Path) -> Any:
    return safe_open(path, framework="pt")


class TextStates:
    """The encoder's states of texts; each is encoded once, the most recent are kept."""

    def __init__(self, backbones: Backbones, keep: int = 4096) -> None:
        self._state = lru_cache(maxsize=keep)(lambda text: encode_text(backbones, [text])[0])

    def __getitem__(self, text: str) -> torch.Tensor:
        """``float32 [N,D]``."""
        return self._state(text)
