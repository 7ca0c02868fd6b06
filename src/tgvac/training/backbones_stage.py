"""Phase `backbones`: the frozen networks of a scale, in one folder that `from_pretrained` loads.

backbones/vae  text_encoder  tokenizer  unet  scheduler  scoring_clip
backbones/events/<part>.jsonl     curves of the parts that were trained here
backbones/provenance.json         whether they are stand-ins trained here, or pretrained, and which
backbones/index.json              digests of all files
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tgvac.clip.captions import read_captions
from tgvac.clip.framing import FramingParams
from tgvac.clip.recipe import read_recipes
from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.files import sha256, write_json
from tgvac.models.backbones import Backbones, freeze, without_path
from tgvac.models.params import BackbonesParams, ComputeParams, DiffusionParams
from tgvac.models.runtime import pin, quiet
from tgvac.models.schedule import alphas_cumprod, ddim
from tgvac.models.standins import build_clip, build_text_encoder, build_tokenizer, build_unet, build_vae
from tgvac.stage import Context
from tgvac.synthesis.clips import clip_keys, recipe_clips
from tgvac.training.loop import Job, train, write_events
from tgvac.training.outputs import place_folder, write_folder_index
from tgvac.training.params import CheckpointParams, TrainingParams
from tgvac.training.standins import Views, clip_loss, measure_scaling, unet_loss, vae_loss

if TYPE_CHECKING:
    from torch import nn


def run(
    ctx: Context,
    *,
    backbones: BackbonesParams,
    framing: FramingParams,
    diffusion: DiffusionParams,
    checkpoints: CheckpointParams,
    compute: ComputeParams,
) -> None:
    """Train stand-ins, or fetch pretrained networks; either way the folder is the same."""
    (ctx.out / "index.json").unlink(missing_ok=True)
    if backbones.origin == "train":
        _train(ctx, backbones, framing, diffusion, checkpoints, compute)
    else:
        _fetch(ctx, backbones)
    ddim(diffusion).save_pretrained(ctx.out / "scheduler")
    named = {
        "stable_diffusion": f"{backbones.stable_diffusion}@{backbones.stable_diffusion_revision}",
        "scoring_clip": f"{backbones.scoring_clip}@{backbones.scoring_clip_revision}",
    }
    write_json(
        ctx.out / "provenance.json",
        {"origin": backbones.origin, **(named if backbones.origin == "pretrained" else {})},
    )
    write_folder_index(ctx.out, sorted(p for p in ctx.out.rglob("*") if p.is_file()))


def _place(ctx: Context, name: str, *parts: Any) -> None:
    def fill(folder: Path) -> None:
        for part in parts:
            if hasattr(part, "register_to_config"):
                without_path(part)
            part.save_pretrained(folder)

    place_folder(ctx.out / name, fill)


def _fetch(ctx: Context, params: BackbonesParams) -> None:
    """Load a Stable Diffusion folder or hub name, and the scoring CLIP, and keep a frozen copy of both."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPImageProcessor, CLIPModel, CLIPTextModel, CLIPTokenizer

    quiet()
    try:
        origin, revision = params.stable_diffusion, params.stable_diffusion_revision
        _place(
            ctx, "vae", AutoencoderKL.from_pretrained(origin, subfolder="vae", revision=revision, use_safetensors=True)
        )
        _place(
            ctx,
            "text_encoder",
            CLIPTextModel.from_pretrained(origin, subfolder="text_encoder", revision=revision, use_safetensors=True),
        )
        _place(ctx, "tokenizer", CLIPTokenizer.from_pretrained(origin, subfolder="tokenizer", revision=revision))
        _place(
            ctx,
            "unet",
            UNet2DConditionModel.from_pretrained(origin, subfolder="unet", revision=revision, use_safetensors=True),
        )
        origin, revision = params.scoring_clip, params.scoring_clip_revision
        clip = CLIPModel.from_pretrained(origin, revision=revision, use_safetensors=True)
        _place(
            ctx,
            "scoring_clip",
            clip,
            CLIPImageProcessor.from_pretrained(origin, revision=revision),
            CLIPTokenizer.from_pretrained(origin, revision=revision),
        )
    except OSError as error:
        first = str(error).strip().splitlines()[0]
        raise BadInput(
            f"The backbones '{origin}' cannot be loaded ({first});"
            " name a local folder or a reachable hub name in backbones.stable_diffusion and backbones.scoring_clip."
        ) from None
    shutil.rmtree(ctx.out / "events", ignore_errors=True)


def _train(
    ctx: Context,
    params: BackbonesParams,
    framing: FramingParams,
    diffusion: DiffusionParams,
    checkpoints: CheckpointParams,
    compute: ComputeParams,
) -> None:
    pin(compute.threads)
    quiet()
    shapes, seed = params.standin, params.seed
    clips = recipe_clips(ctx, "train")
    captions_file = ctx.results / "captions" / "captions.parquet"
    views = Views(clips, framing, read_captions(captions_file))
    recipes = [r for r in read_recipes(ctx.results / "synthesis" / "recipes.parquet") if r.split == "train"]
    data = digest([clip_keys(ctx, recipes), sha256(captions_file)])

    def fit(name: str, module: nn.Module, steps: int, loss: Any) -> None:
        training = _training(params, steps)
        key = digest([ctx.digest, name, data])
        events = train(Job(f"backbones {name}", module, loss, training, checkpoints, key, ctx.scratch / name))
        write_events(ctx.out / "events" / f"{name}.jsonl", events)

    tokenizer = build_tokenizer(shapes)
    _place(ctx, "tokenizer", tokenizer)
    text_encoder = freeze(build_text_encoder(shapes, seed))
    _place(ctx, "text_encoder", text_encoder)

    vae = build_vae(shapes, seed)
    fit("vae", vae, params.vae_steps, vae_loss(vae, views, params.batch, params.kl_weight, seed))
    vae.register_to_config(scaling_factor=measure_scaling(freeze(vae), views, 64, compute.vae_batch, seed))
    _place(ctx, "vae", vae)

    unet = build_unet(shapes, seed)
    frozen = Backbones(vae, text_encoder, tokenizer)
    alphas_T = alphas_cumprod(diffusion)
    fit(
        "unet", unet, params.unet_steps, unet_loss(unet, frozen, views, alphas_T, params.batch, compute.vae_batch, seed)
    )
    _place(ctx, "unet", unet)

    clip, processor = build_clip(shapes, framing.size, seed)
    fit("scoring_clip", clip, params.clip_steps, clip_loss(clip, processor, tokenizer, views, params.batch, seed))
    _place(ctx, "scoring_clip", clip, processor, tokenizer)


def _training(params: BackbonesParams, steps: int) -> TrainingParams:
    """How every stand-in is trained; only the number of steps differs."""
    return TrainingParams(
        steps=steps,
        batch=params.batch,
        lr=params.lr,
        lr_schedule="cosine",
        warmup=min(20, steps // 4),
        weight_decay=0.0,
        beta1=0.9,
        beta2=0.99,
        clip_norm=1.0,
        ema=0.99,
        seed=params.seed,
        clip_frames=1,
        frame_step=1,
    )
