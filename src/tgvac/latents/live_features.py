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
from tgvac.latents.encoding import (
    Embed,
    Framed,
    Latents,
    drawn,
    encode_framed,
    encode_holes,
    follows_masks,
    framed,
)
from tgvac.latents.features import OPEN, CachedFeatures, Features
from tgvac.latents.params import LatentsParams
from tgvac.models.image_encoder import load_image_encoder
from tgvac.models.params import ComputeParams
from tgvac.shards import Entry, read_index
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener

CHUNKS = 32
"""Encoded chunks that are kept, since a sample's four tensors are read one after the other."""

HOLES = ("hole", "holed")
"""Latents that are encoded apart, for variants that fill holes."""

WHOLE = 2
"""Framed clips that are kept if windows follow the masks of whole clips."""


class LiveFeatures:
    """Renders and encodes samples when they are read.

    Args:
        vae: the autoencoder, frozen, on its device.
        items: the clips and buckets that can be read.
        embed: embeds frames, if variants attend to images.
    """

    def __init__(
        self,
        ctx: Context,
        vae: Any,
        items: Items,
        framing: FramingParams,
        latents: LatentsParams,
        compute: ComputeParams,
        embed: Embed | None = None,
    ) -> None:
        self.index: Mapping[str, Entry] = read_index(ctx.results / "latents" / "index.json")
        self.draws, self.holes = latents.mask_draws, latents.holes
        self._embed = embed
        self._ctx, self._vae, self._items = ctx, vae, items
        self._framing, self._noise, self._batch = framing, latents.mask_noise, compute.vae_batch
        self._of_clip = lru_cache(maxsize=CHUNKS)(self._encoded_clip)
        self._of_bucket = lru_cache(maxsize=CHUNKS)(self._encoded_bucket)
        self._holes_of_clip = lru_cache(maxsize=CHUNKS)(self._encoded_clip_holes)
        self._holes_of_bucket = lru_cache(maxsize=CHUNKS)(self._encoded_bucket_holes)
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
        of = self._holes_of_clip if what in HOLES else self._of_clip
        return torch.stack([of(sample, i // self._batch, draw)[what][i % self._batch] for i in at])

    def pair(self, item: str, row: int, what: str, draw: int) -> torch.Tensor:
        of = self._holes_of_bucket if what in HOLES else self._of_bucket
        return of(item, row // self._batch, draw)[what][row % self._batch][None]

    def pair_name(self, item: str, row: int) -> str:
        return self._names(item)[row]

    def _names_of(self, item: str) -> tuple[str, ...]:
        name, number = self._items.buckets[item]
        return self._pairs[name].in_bucket(number)

    def _encoded_clip(self, sample: str, chunk: int, draw: int) -> Latents:
        return encode_framed(self._vae, self._chunk_of_clip(sample, chunk, draw), self._batch, self._embed)

    def _encoded_clip_holes(self, sample: str, chunk: int, draw: int) -> Latents:
        # Holes are drawn in the frames of draw 0 of the masks.
        return _plain(encode_holes(self._vae, self._chunk_of_clip(sample, chunk, 0), self._batch, draw), draw)

    def _chunk_of_clip(self, sample: str, chunk: int, draw: int) -> Framed:
        first = chunk * self._batch
        stop = min(first + self._batch, self._clips.length(sample))
        if follows_masks(self._framing):
            return self._whole(sample, draw).part(first, stop)
        return framed(self._clips, [sample], self._framing, self._noise, draw, range(first, stop))

    def _framed_whole(self, sample: str, draw: int) -> Framed:
        return framed(self._clips, [sample], self._framing, self._noise, draw)

    def _encoded_bucket(self, item: str, chunk: int, draw: int) -> Latents:
        return encode_framed(self._vae, self._chunk_of_bucket(item, chunk, draw), self._batch, self._embed)

    def _encoded_bucket_holes(self, item: str, chunk: int, draw: int) -> Latents:
        return _plain(encode_holes(self._vae, self._chunk_of_bucket(item, chunk, 0), self._batch, draw), draw)

    def _chunk_of_bucket(self, item: str, chunk: int, draw: int) -> Framed:
        name, _ = self._items.buckets[item]
        first = chunk * self._batch
        samples = self._names(item)[first : first + self._batch]
        return framed(self._pairs[name], samples, self._framing, self._noise, draw)


def _plain(latents: Latents, draw: int) -> Latents:
    """A draw's latents under their names without the draw."""
    return {what: latents[drawn(what, draw)] for what in HOLES}


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
        found = CachedFeatures(ctx, latents.mask_draws, latents.holes)
    else:
        embed = None
        if latents.images:
            embed = load_image_encoder(ctx.results / "backbones", vae.device, compute.vae_batch)
        found = LiveFeatures(ctx, vae, items, framing, latents, compute, embed)
    check_fresh(ctx, found.index, items.keys)
    return found
