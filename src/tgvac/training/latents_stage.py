"""Phase `latents`: every training clip and pair, framed and encoded once.

    latents/files/<track>.safetensors     of all recipes of one target track, "<recipe>|<what>":
                                          target_mean, target_std   the whole object on white
                                          frame, mask               the input and the visible mask (mode)
                                          float32 [F,c,h,w], not scaled
    latents/files/<source>--bucket-000.safetensors
                                          of one bucket of pairs, "<what>": float32 [P,c,h,w]; the pairs' ids,
                                          row by row, in the metadata
    latents/index.json                    index of all; facts: the recipes and their frames, or how many pairs

A file's key holds the digests of recipe, tracks, masks, autoencoder and framing: a stale cache cannot
be taken for a fresh one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from tgvac.clip.clip import Clip
from tgvac.clip.framing import FramingParams, frame_masks, frame_video, windows_of
from tgvac.clip.pair_clips import PairClips, bucket_name, pair_sources
from tgvac.clip.recipe import read_recipes
from tgvac.clip.track import file_stem
from tgvac.devices import device_of, pin
from tgvac.files import sha256, writing
from tgvac.models.backbones import load_backbones
from tgvac.models.latents import encode_conditions, encode_moments, to_tensor
from tgvac.models.params import ComputeParams
from tgvac.models.runtime import quiet
from tgvac.shards import Made, run_items, shard_of, write_index
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, clip_keys, track_opener
from tgvac.training.mask_noise import noisy_masks
from tgvac.training.params import LatentsParams, MaskNoiseParams


def run(ctx: Context, *, framing: FramingParams, latents: LatentsParams, compute: ComputeParams) -> None:
    """Encode one shard's clips and pairs; the shards' indices are joined by the runner."""
    pin(compute.threads)
    quiet()
    recipes = [r for r in read_recipes(ctx.results / "synthesis" / "recipes.parquet") if r.split in latents.splits]
    by_track: dict[str, list[str]] = defaultdict(list)
    for recipe in recipes:
        by_track[recipe.target].append(recipe.recipe)
    clips, decided_by = RecipeClips(recipes, track_opener(ctx)), clip_keys(ctx, recipes)
    pairs = pair_sources(ctx.results / "sources")
    buckets = {f"{name}/{bucket_name(k)}": (name, k) for name, found in pairs.items() for k in range(found.buckets)}
    keys: dict[str, Any] = {track: [decided_by[r] for r in names] for track, names in by_track.items()}
    keys |= {item: pairs[name].digest_of(number) for item, (name, number) in buckets.items()}
    weights = sha256(ctx.results / "backbones" / "index.json")
    mine = {i: [k, weights, ctx.digest] for i, k in keys.items() if shard_of(i, ctx.shards) == ctx.shard}

    @cache
    def vae() -> Any:
        return load_backbones(ctx.results / "backbones", device_of(ctx.device)).vae

    noise, batch = latents.mask_noise, compute.vae_batch

    def make(item: str) -> list[Made]:
        path = ctx.out / "files" / f"{file_stem(item)}.safetensors"
        facts: dict[str, Any]
        if item in buckets:
            name, number = buckets[item]
            samples = pairs[name].in_bucket(number)
            tensors = encode_pairs(vae(), pairs[name], samples, framing, batch, noise)
            facts, names = {"pairs": len(samples)}, {"pairs": "\n".join(samples)}
        else:
            encoded = {r: encode_clip(vae(), clips.render(r), framing, batch, noise) for r in by_track[item]}
            tensors = {f"{r}|{what}": value for r, found in encoded.items() for what, value in found.items()}
            facts, names = {"recipes": {r: len(found["mask"]) for r, found in encoded.items()}}, None
        with writing(path) as part:
            save_file(tensors, part, metadata=names)
        return [Made(item, path, facts)]

    write_index(ctx.shard_index(), run_items(ctx.label, mine, ctx.ledger(), make))


def encode_pairs(
    vae: Any,
    pairs: PairClips,
    samples: Sequence[str],
    framing: FramingParams,
    batch: int,
    noise: MaskNoiseParams | None = None,
) -> dict[str, torch.Tensor]:
    """The latents of pairs, each ``float32 [P,c,h,w]``, not scaled; as many pairs at once as the autoencoder takes."""
    parts: dict[str, list[torch.Tensor]] = defaultdict(list)
    for first in range(0, len(samples), batch):
        found = [pairs.render(sample) for sample in samples[first : first + batch]]
        for what, value in _encode(vae, found, framing, batch, noise).items():
            parts[what].append(value)
    return {what: torch.cat(values) for what, values in parts.items()}


def encode_clip(
    vae: Any, clip: Clip, framing: FramingParams, batch: int, noise: MaskNoiseParams | None = None
) -> dict[str, torch.Tensor]:
    """The latents of one clip, each ``float32 [F,c,h,w]``, not scaled; its masks as they are, or with faults."""
    return _encode(vae, [clip], framing, batch, noise)


def _encode(
    vae: Any, clips: Sequence[Clip], framing: FramingParams, batch: int, noise: MaskNoiseParams | None
) -> dict[str, torch.Tensor]:
    """The latents of clips, one after the other."""
    frames, masks, targets = [], [], []
    for clip in clips:
        seen_FHW = clip.visible_FHW if noise is None else noisy_masks(noise, clip.sample, clip.visible_FHW)
        windows = windows_of(framing, seen_FHW)
        frames.append(frame_video(framing, clip.frames_FHW3, windows, framing.pad))
        masks.append(frame_masks(framing, seen_FHW, windows))
        targets.append(frame_video(framing, clip.whole_FHW3, windows, pad=255))
    mean, deviation = encode_moments(vae, to_tensor(np.concatenate(targets)), batch)
    frame, mask = encode_conditions(vae, np.concatenate(frames), np.concatenate(masks), batch)
    return {"target_mean": mean, "target_std": deviation, "frame": frame, "mask": mask}
