"""The samples of a training: random windows of random clips, or single pairs, drawn by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from tgvac.clips.captions import read_captions
from tgvac.clips.recipe import read_recipes
from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.latents.features import CachedFeatures, Features
from tgvac.seeds import rng, unit
from tgvac.stage import Context


class LatentClips:
    """The encoded clips of one split.

    Args:
        split: which split.
        min_frames: clips shorter than this are left out.
        features: where latents come from; None: the cache, with one draw of masks.
    """

    def __init__(self, ctx: Context, split: str, min_frames: int, features: Features | None = None) -> None:
        self._features = features or CachedFeatures(ctx)
        index = self._features.index
        recipes = [r for r in read_recipes(ctx.results / "synthesis" / "recipes.parquet") if r.split == split]
        wanted = {r.recipe: r.target for r in recipes if r.frames >= min_frames}
        for track in sorted(set(wanted.values()) & set(index)):
            ctx.upstream("latents", index[track])
        self._lengths = {n: int(index[t].facts["recipes"][n]) for n, t in wanted.items() if t in index}
        self.samples = tuple(sorted(self._lengths))
        self._tracks = wanted
        self._captions = {t: c.text for t, c in read_captions(ctx.results / "captions" / "captions.parquet").items()}
        if not self.samples:
            lengths = [r.frames for r in recipes if r.target in index]
            raise BadInput(_none_left(split, len(recipes), lengths, min_frames))

    @property
    def digest(self) -> str:
        """The digest of the clips' names, lengths and texts. It changes when a clip changes its split."""
        return digest([[s, self._lengths[s], self.text(s)] for s in self.samples])

    def text(self, sample: str) -> str:
        """The sentence of the clip's object, or "" where it has none."""
        return self._captions.get(self._tracks[sample], "")

    @property
    def draws(self) -> int:
        """Draws of masks per clip."""
        return self._features.draws

    @property
    def holes(self) -> int:
        """Draws of holes per frame."""
        return self._features.holes

    def read(self, sample: str, what: str, start: int, count: int, step: int = 1, draw: int = 0) -> torch.Tensor:
        """``float32 [count,c,h,w]``: latents of frames ``start + step * i`` of a clip, with one draw of its masks."""
        at = range(start, start + step * (count - 1) + 1, step)
        return self._features.clip(self._tracks[sample], sample, what, at, draw)

    def draw(self, count: int, step: int, *names: str | int) -> tuple[str, int]:
        """A clip and a start frame, drawn by name: each clip is equally likely, then each start."""
        generator = rng("clip", *names)
        sample = self.samples[int(generator.integers(len(self.samples)))]
        span = step * (count - 1) + 1
        return sample, int(generator.integers(self._lengths[sample] - span + 1))


def _none_left(split: str, made: int, lengths: Sequence[int], wanted: int) -> str:
    """The message when no clip can be trained on: there are none, or all are too short."""
    if not lengths:
        return f"The split '{split}' has no clips at all to train on: {made} were synthesized, and none is encoded;" + (
            " name the split in latents.splits." if made else " give more videos, or lower select.min_frames."
        )
    return (
        f"The longest of {len(lengths)} clips of the split '{split}' has {max(lengths)} frames, but clip_frames x"
        f" frame_step need {wanted}; lower one of them, or give longer videos."
    )


class LatentPairs:
    """The encoded pairs of all sources: clips of one frame.

    A sample is named ``<source>/<bucket>#<row>``, and its bucket's file has the pair's own name. So no table of all
    pairs, hundreds of thousands, has to be in memory.
    """

    def __init__(self, ctx: Context, features: Features | None = None) -> None:
        self._features = features or CachedFeatures(ctx)
        self._entries = {name: entry for name, entry in self._features.index.items() if "pairs" in entry.facts}
        for entry in self._entries.values():
            ctx.upstream("latents", entry)
        self._names = sorted(self._entries)
        self._ends = np.cumsum([int(self._entries[name].facts["pairs"]) for name in self._names])
        captions = read_captions(ctx.results / "captions" / "captions.parquet")
        self._captions = {track: caption.text for track, caption in captions.items()}
        if not self._names or self._ends[-1] == 0:
            raise BadInput(
                "There are no cached pairs to train on; name a source of pairs in sources.pairs, or set"
                " frame.pairs_share to 0."
            )

    @property
    def digest(self) -> str:
        """The digest of the buckets. Texts are not part of it, since a run's key has the digest of all captions."""
        return digest([[name, self._entries[name].sha256] for name in self._names])

    def text(self, sample: str) -> str:
        """The pair's sentence, or "" where it has none."""
        name, _, row = sample.partition("#")
        return self._captions.get(f"{self._features.pair_name(name, int(row))}/1", "")

    @property
    def draws(self) -> int:
        """Draws of masks per pair."""
        return self._features.draws

    @property
    def holes(self) -> int:
        """Draws of holes per pair."""
        return self._features.holes

    def read(self, sample: str, what: str, start: int, count: int, step: int = 1, draw: int = 0) -> torch.Tensor:
        """``float32 [1,c,h,w]``: latents of a pair, which has one frame."""
        if (start, count) != (0, 1):
            raise ValueError(f"{sample} has one frame, 0, but {count} from {start} were asked for")
        name, _, row = sample.partition("#")
        return self._features.pair(name, int(row), what, draw)

    def draw(self, count: int, step: int, *names: str | int) -> tuple[str, int]:
        """A pair, drawn by name; each is equally likely. Its start is 0."""
        number = int(rng("pair", *names).integers(self._ends[-1]))
        at = int(np.searchsorted(self._ends, number, side="right"))
        row = number - (int(self._ends[at - 1]) if at else 0)
        return f"{self._names[at]}#{row}", 0


class MixedClips:
    """Pairs with a given probability, otherwise clips, drawn by name.

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

    @property
    def draws(self) -> int:
        return self._pairs.draws

    @property
    def holes(self) -> int:
        return self._pairs.holes

    def read(self, sample: str, what: str, start: int, count: int, step: int = 1, draw: int = 0) -> torch.Tensor:
        """As the clips or the pairs do."""
        return self._of(sample).read(sample, what, start, count, step, draw)

    def draw(self, count: int, step: int, *names: str | int) -> tuple[str, int]:
        """A pair or a clip, and its start."""
        return (self._pairs if unit("pair or clip", *names) < self._share else self._clips).draw(count, step, *names)


TrainingClips = LatentClips | LatentPairs | MixedClips


def training_clips(
    ctx: Context, pairs_share: float, min_frames: int, features: Features | None = None
) -> TrainingClips:
    """The samples of a stage: clips of the train split, pairs, or both.

    Raises:
        BadInput: when there are none, or all clips are shorter than ``min_frames``.
    """
    if pairs_share == 0:
        return LatentClips(ctx, "train", min_frames, features)
    if pairs_share == 1:
        return LatentPairs(ctx, features)
    clips = LatentClips(ctx, "train", min_frames, features)
    return MixedClips(clips, LatentPairs(ctx, features), pairs_share)
