"""A scale of tracks, pairs and tiny networks: features are encoded from it, and trainings run, cached or not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.unit.layouts import pair_files, tar_of
from tests.unit.test_pairs import IDS, made
from tests.unit.tiny_models import (
    CHECKPOINTS,
    COMPUTE,
    CONDITIONS,
    DIFFUSION,
    EXACT_MASKS,
    FRAME_MODEL,
    FRAMING,
    LATENTS,
    MOTION_MODULE,
    SAMPLER,
    TRAINING,
    backbones,
    context,
    unet_4,
    vae,
    write_scale,
)
from tgvac.clips.captions import Caption, read_captions, write_captions
from tgvac.clips.framing import FramingParams
from tgvac.files import write_json
from tgvac.latents import latents_stage
from tgvac.latents.params import LatentsParams
from tgvac.models.params import ComputeParams, VariantParams
from tgvac.shards import merge_indices
from tgvac.stage import Context
from tgvac.training import frame_stage, motion_stage
from tgvac.training.outputs import place_parts, run_folder, write_folder_index
from tgvac.training.run_params import SamplesParams

TRACKS = ("world/a/1", "world/b/1")
FRAMES = 7
SHARDS = 2
FOLLOW = FRAMING.model_copy(update={"mode": "follow"})
FAULTY = EXACT_MASKS.model_copy(update={"share": 0.9})
DRAWN = LATENTS.model_copy(update={"mask_noise": FAULTY, "mask_draws": 3})
UNWATCHED = SamplesParams(every=0, pictures=1, sampling_steps=1, guidance=1.0)
STEPS = TRAINING.model_copy(update={"steps": 4, "warmup": 0})
LOGGED = CHECKPOINTS.model_copy(update={"log_every": 1})


def without_cache(latents: LatentsParams) -> LatentsParams:
    return latents.model_copy(update={"cache": False})


def write_encodable(root: Path) -> Context:
    """Two tracks, ten pairs, sentences of most of them, and networks; the context of phase `latents`."""
    write_scale(root, FRAMES, 40, 56, TRACKS, split="train")
    ctx = context(root, "latents", shards=SHARDS)
    texts = {pair: f"a pair {pair}" for pair in IDS[1:]}
    made(root, tar_of(root / "p.tar", {**pair_files(*IDS), "captions.json": json.dumps(texts).encode()}))
    shutil.move(root / "results" / "t" / "sources", ctx.results / "sources")
    write_json(ctx.results / "sources" / "manifest.json", {"pairs": {"duo": {}}})
    caption(ctx, {f"duo/{pair}/1": text for pair, text in texts.items()})
    for name in ("text_encoder", "tokenizer"):
        place_parts(ctx.results / "backbones" / name, getattr(backbones(), name))
    place_parts(ctx.results / "backbones" / "unet", unet_4())
    write_vae(ctx, 0)
    return ctx


def caption(ctx: Context, texts: dict[str, str]) -> None:
    """Give tracks other sentences, or some at all."""
    path = ctx.results / "captions" / "captions.parquet"
    changed = [Caption(track=track, captioner="given", raw=text, text=text) for track, text in texts.items()]
    write_captions(path, (read_captions(path) | {c.track: c for c in changed}).values())


def write_vae(ctx: Context, seed: int) -> None:
    """The autoencoder of a seed."""
    place_parts(ctx.results / "backbones" / "vae", vae(seed))
    index_backbones(ctx)


def index_backbones(ctx: Context) -> None:
    folder = ctx.results / "backbones"
    write_folder_index(folder, sorted(p for p in folder.rglob("*") if p.is_file()))


def encode(
    ctx: Context, latents: LatentsParams, framing: FramingParams = FRAMING, compute: ComputeParams = COMPUTE
) -> None:
    """Run the phase `latents`, shard by shard."""
    for shard in range(SHARDS):
        latents_stage.run(replace(ctx, shard=shard), framing=framing, latents=latents, compute=compute)
    merge_indices((ctx.shard_index(k) for k in range(SHARDS)), ctx.out / "index.json")


def trained(
    ctx: Context,
    phase: str,
    latents: LatentsParams,
    framing: FramingParams = FRAMING,
    compute: ComputeParams = COMPUTE,
    pairs_share: float = 0.5,
    variant: VariantParams | None = None,
) -> tuple[list[dict[str, float]], bytes]:
    """Train a few steps of frames or of motion from nothing; events and weights."""
    ctx = context(ctx.root, phase, options={"variant": "full", "seed": "0"})
    shutil.rmtree(ctx.scratch, ignore_errors=True)
    shared: dict[str, Any] = {
        "diffusion": DIFFUSION,
        "conditions": CONDITIONS,
        "variants": {"full": variant or VariantParams()},
        "checkpoints": LOGGED,
        "samples": UNWATCHED,
        "framing": framing,
        "latents": latents,
        "sampler": SAMPLER,
        "compute": compute,
    }
    if phase == "frame":
        params = STEPS.model_copy(update={"clip_frames": 1, "pairs_share": pairs_share})
        frame_stage.run(ctx, frame=params, frame_model=FRAME_MODEL, **shared)
    else:
        motion_stage.run(ctx, motion=STEPS, motion_module=MOTION_MODULE, **shared)
    folder = run_folder(ctx)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    return events, (folder / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()
