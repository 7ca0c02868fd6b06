"""Latents without a cache: encoded during training, by the code and in the chunks of phase `latents`.

To give the same bits, whole chunks are encoded: for a window of L frames up to ``L + batch - 1`` frames of three images
each, for a pair its whole chunk. A small ``compute.vae_batch`` lowers this cost. Use it for data that is seen once or
twice, for many draws of masks, or if the disk is too small for the cache.
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
"""Encoded chunks that are kept, since a sample's four tensors are read one after the other."""

WHOLE = 2
"""Framed clips that are kept if windows follow the masks of whole clips."""


class LiveFeatures:
    """Renders and encodes samples when they are read.

    Args:
        vae: the autoencoder, frozen, on its device.
        items: the clips and buckets that can be read.
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
    """The features that a training reads: from the cache, or encoded during training.

    Args:
        pairs_share: probability of a pair. Kinds of samples that are never drawn are not checked.

    Raises:
        BadInput: when the cache is stale (see :func:`check_fresh`).
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
