"""The cache turned off: latents made while training, by the code and in the chunks of phase `latents`.

A sample costs what its chunks cost: a clip's window of L frames some ``L + batch - 1`` of three pictures each, a pair
its whole chunk. That is the price of the same bits; a small ``compute.vae_batch`` lowers it. For data that is seen once
or twice, for many draws of masks, and for a disk that has no room.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

import torch

from tgvac.clips.framing import FramingParams
from tgvac.clips.pair_clips import PairClips
from tgvac.latents.cache_keys import Items, bucket_items, check_fresh, clip_items
from tgvac.latents.encoding import Framed, Latents, encode_framed, follows_masks, framed
from tgvac.latents.features import OPEN, CachedFeatures, Features
from tgvac.latents.params import LatentsParams
from tgvac.models.params import ComputeParams
from tgvac.shards import Entry, read_index
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener

CHUNKS = 32
"""Encoded chunks that are kept: a sample's four tensors are asked for one after the other."""

WHOLE = 2
"""Framed clips that are kept, where windows follow the masks of whole clips."""


class LiveFeatures:
    """Renders and encodes what is asked for.

    Args:
        vae: the autoencoder, frozen, on its device.
        items: the clips and buckets that can be asked for.
    """

    def __init__(
        self,
        ctx: Context,
        vae: Any,
        items: Items,
        framing: FramingParams,
        latents: LatentsParams,
        compute: ComputeParams,
    ) -> None:
        self.index: Mapping[str, Entry] = read_index(ctx.results / "latents" / "index.json")
        self.draws = latents.mask_draws
        self._ctx, self._vae, self._items = ctx, vae, items
        self._framing, self._noise, self._batch = framing, latents.mask_noise, compute.vae_batch
        self._of_clip = lru_cache(maxsize=CHUNKS)(self._encoded_clip)
        self._of_bucket = lru_cache(maxsize=CHUNKS)(self._encoded_bucket)
        self._whole = lru_cache(maxsize=WHOLE)(self._framed_whole)
        self._names = lru_cache(maxsize=OPEN)(self._names_of)

    @cached_property
    def _clips(self) -> RecipeClips:
        return RecipeClips((r for found in self._items.recipes.values() for r in found), track_opener(self._ctx))

    @cached_property
    def _pairs(self) -> dict[str, PairClips]:
        names = sorted({name for name, _ in self._items.buckets.values()})
        return {name: PairClips(self._ctx.results / "sources" / name / "pairs", OPEN) for name in names}

    def clip(self, item: str, sample: str, what: str, at: range, draw: int) -> torch.Tensor:
        return torch.stack([self._of_clip(sample, i // self._batch, draw)[what][i % self._batch] for i in at])

    def pair(self, item: str, row: int, what: str, draw: int) -> torch.Tensor:
        return self._of_bucket(item, row // self._batch, draw)[what][row % self._batch][None]

    def pair_name(self, item: str, row: int) -> str:
        return self._names(item)[row]

    def _names_of(self, item: str) -> tuple[str, ...]:
        name, number = self._items.buckets[item]
        return self._pairs[name].in_bucket(number)

    def _encoded_clip(self, sample: str, chunk: int, draw: int) -> Latents:
        first = chunk * self._batch
        stop = min(first + self._batch, self._clips.length(sample))
        if follows_masks(self._framing):
            given = self._whole(sample, draw).part(first, stop)
        else:
            given = framed(self._clips, [sample], self._framing, self._noise, draw, range(first, stop))
        return encode_framed(self._vae, given, self._batch)

    def _framed_whole(self, sample: str, draw: int) -> Framed:
        return framed(self._clips, [sample], self._framing, self._noise, draw)

    def _encoded_bucket(self, item: str, chunk: int, draw: int) -> Latents:
        name, _ = self._items.buckets[item]
        first = chunk * self._batch
        samples = self._names(item)[first : first + self._batch]
        given = framed(self._pairs[name], samples, self._framing, self._noise, draw)
        return encode_framed(self._vae, given, self._batch)


def open_features(
    ctx: Context,
    vae: Any,
    pairs_share: float,
    framing: FramingParams,
    latents: LatentsParams,
    compute: ComputeParams,
) -> Features:
    """What a training reads: the cache, or where there is none what it would hold.

    Args:
        pairs_share: of a sample to be a pair; of what is never drawn nothing is looked at.

    Raises:
        BadInput: when the cache is not of the present pixels, autoencoder and preprocessing.
    """
    items = Items({})
    if pairs_share < 1:
        items |= clip_items(ctx, framing, latents, compute)
    if pairs_share > 0:
        items |= bucket_items(ctx, framing, latents, compute)
    found: Features
    if latents.cache:
        found = CachedFeatures(ctx, latents.mask_draws)
    else:
        found = LiveFeatures(ctx, vae, items, framing, latents, compute)
    check_fresh(ctx, found.index, items.keys)
    return found
