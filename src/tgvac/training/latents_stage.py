"""Phase `latents`: every training clip, framed and encoded once.

    latents/files/<track>.safetensors     of all recipes of one target track, "<recipe>|<what>":
                                          target_mean, target_std   the whole object on white
                                          frame, mask               the input and the visible mask (mode)
                                          float32 [F,c,h,w], not scaled
    latents/index.json                    index of all; facts: the recipes and their frames

A file's key holds the digests of recipe, tracks, masks, autoencoder and framing: a stale cache cannot
be taken for a fresh one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import torch
from safetensors.torch import save_file

from tgvac.clip.clip import Clip
from tgvac.clip.framing import FramingParams, frame_masks, frame_video, windows_of
from tgvac.clip.recipe import read_recipes
from tgvac.clip.track import file_stem
from tgvac.files import sha256, writing
from tgvac.models.backbones import load_backbones
from tgvac.models.latents import encode_conditions, encode_moments, to_tensor
from tgvac.models.params import ComputeParams
from tgvac.models.runtime import device_of, pin, quiet
from tgvac.shards import Made, run_items, shard_of, write_index
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, clip_keys, track_opener
from tgvac.training.params import LatentsParams


def run(ctx: Context, *, framing: FramingParams, latents: LatentsParams, compute: ComputeParams) -> None:
    """Encode one shard's clips; the shards' indices are joined by the runner."""
    recipes = [r for r in read_recipes(ctx.results / "synthesis" / "recipes.parquet") if r.split in latents.splits]
    by_track: dict[str, list[str]] = defaultdict(list)
    for recipe in recipes:
        if shard_of(recipe.target, ctx.shards) == ctx.shard:
            by_track[recipe.target].append(recipe.recipe)
    clips = RecipeClips(recipes, track_opener(ctx))
    decided_by = clip_keys(ctx, recipes)
    index = ctx.results / "backbones" / "index.json"
    keys: dict[str, Any] = {
        track: [[decided_by[r] for r in names], sha256(index), ctx.digest] for track, names in by_track.items()
    }
    pin(compute.threads)
    quiet()
    vae: Any = None

    def make(track: str) -> list[Made]:
        nonlocal vae
        if vae is None:
            vae = load_backbones(ctx.results / "backbones", device_of(ctx.device)).vae
        tensors: dict[str, torch.Tensor] = {}
        lengths = {}
        for name in by_track[track]:
            encoded = encode_clip(vae, clips.render(name), framing, compute.vae_batch)
            tensors.update({f"{name}|{what}": value for what, value in encoded.items()})
            lengths[name] = len(encoded["mask"])
        path = ctx.out / "files" / f"{file_stem(track)}.safetensors"
        with writing(path) as part:
            save_file(tensors, part)
        return [Made(track, path, {"recipes": lengths})]

    write_index(ctx.shard_index(), run_items(ctx.label, keys, ctx.ledger(), make))


def encode_clip(vae: Any, clip: Clip, framing: FramingParams, batch: int) -> dict[str, torch.Tensor]:
    """The latents of one clip, each ``float32 [F,c,h,w]``, not scaled."""
    windows = windows_of(framing, clip.visible_FHW)
    target = frame_video(framing, clip.whole_FHW3, windows, pad=255)
    mean, deviation = encode_moments(vae, to_tensor(target), batch)
    frames = frame_video(framing, clip.frames_FHW3, windows, framing.pad)
    frame, mask = encode_conditions(vae, frames, frame_masks(framing, clip.visible_FHW, windows), batch)
    return {"target_mean": mean, "target_std": deviation, "frame": frame, "mask": mask}
