"""Keys of cached features. The phase makes a stale cache again, and a training refuses it.

A cached file is an item: all clips of one target track, or all pairs of one bucket. Its key is the digest of

* the pixels: recipes, and the digests of their tracks and masks; for pairs, the bucket's digest,
* the autoencoder, and the image encoder if frames are embedded: the digests of their files, not of other networks',
* the preprocessing: framing, mask noise and its draws, holes, the autoencoder's batch and torch's threads.

The index has the key of each file. It is compared with a key computed from the present files of the scale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tgvac.clips.framing import FramingParams
from tgvac.clips.pair_clips import bucket_name, pair_sources
from tgvac.clips.recipe import Recipe, read_recipes
from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.latents.params import LatentsParams
from tgvac.models.backbones_params import IMAGE_ENCODER
from tgvac.models.params import ComputeParams
from tgvac.shards import Entry, read_index
from tgvac.stage import Context
from tgvac.synthesis.clips import clip_keys


@dataclass(frozen=True)
class Items:
    """The items to encode.

    Attributes:
        keys: item to the digest of everything that its latents depend on.
        recipes: item to the recipes of its track.
        buckets: item to its source of pairs and its number there.
    """

    keys: dict[str, str]
    recipes: dict[str, list[Recipe]] = field(default_factory=dict)
    buckets: dict[str, tuple[str, int]] = field(default_factory=dict)

    def __or__(self, others: Items) -> Items:
        return Items(self.keys | others.keys, self.recipes | others.recipes, self.buckets | others.buckets)


def part_digest(folder: Path, *parts: str) -> str:
    """The digest of some networks in a folder of backbones, from its index.

    Raises:
        BadInput: when the index names none of their files.
    """
    index = read_index(folder / "index.json")
    found = {name: entry.sha256 for name, entry in index.items() if name.partition("/")[0] in parts}
    if not found:
        raise BadInput(f"{folder / 'index.json'} names no file of {' or '.join(parts)}; run the phase backbones again.")
    return digest(found)


def _preprocessing(ctx: Context, framing: FramingParams, latents: LatentsParams, compute: ComputeParams) -> list[Any]:
    """The encoders and the preprocessing, as part of a key."""
    faults = latents.mask_noise.model_dump(mode="json", exclude_none=True)
    networks = ("vae", IMAGE_ENCODER) if latents.images else ("vae",)
    encoders = part_digest(ctx.results / "backbones", *networks)
    draws = [latents.mask_draws, latents.holes, latents.images]
    framed, computed = (block.model_dump(mode="json", exclude_none=True) for block in (framing, compute))
    ready = [framed, faults, *draws, computed]
    return [encoders, ready, latents.cache]


def clip_items(ctx: Context, framing: FramingParams, latents: LatentsParams, compute: ComputeParams) -> Items:
    """One item per target track, with its recipes in the splits that are encoded."""
    by_track: dict[str, list[Recipe]] = defaultdict(list)
    for recipe in read_recipes(ctx.results / "synthesis" / "recipes.parquet"):
        if recipe.split in latents.splits:
            by_track[recipe.target].append(recipe)
    pixels = clip_keys(ctx, (recipe for found in by_track.values() for recipe in found))
    ready = _preprocessing(ctx, framing, latents, compute)
    keys = {track: digest([[pixels[r.recipe] for r in found], *ready]) for track, found in by_track.items()}
    return Items(keys, recipes=dict(by_track))


def bucket_items(ctx: Context, framing: FramingParams, latents: LatentsParams, compute: ComputeParams) -> Items:
    """One item per bucket of pairs, ``<source>/bucket-000``."""
    pairs = pair_sources(ctx.results / "sources")
    buckets = {f"{name}/{bucket_name(k)}": (name, k) for name, found in pairs.items() for k in range(found.buckets)}
    ready = _preprocessing(ctx, framing, latents, compute)
    keys = {item: digest([pairs[name].digest_of(k), *ready]) for item, (name, k) in buckets.items()}
    return Items(keys, buckets=buckets)


def check_fresh(ctx: Context, index: Mapping[str, Entry], keys: Mapping[str, str]) -> None:
    """Refuse a cache of other pixels, another autoencoder or other preprocessing.

    Raises:
        BadInput: naming an item that is missing or has another key.
    """
    stale = [item for item, key in sorted(keys.items()) if item not in index or index[item].facts.get("key") != key]
    if stale:
        raise BadInput(
            f"The cached latents of {stale[0]} ({len(stale)} of {len(keys)} files) are missing, or made with another"
            f" autoencoder, recipe or preprocessing; run `tgvac stage latents --scale {ctx.scale}` again."
        )
