"""Phase `frame`: the frame-level model (paper, section 3.3, "Frame-level Training").

frame/<variant>/seed<k>/unet/            a 12-channel UNet2DConditionModel
frame/<variant>/seed<k>/events.jsonl     step, loss, lr, gradient norm
frame/<variant>/seed<k>/index.json       digests of both
"""

from __future__ import annotations

import torch

from tgvac.files import sha256
from tgvac.models.backbones import load_backbones, load_unet
from tgvac.models.frame_unet import extend_conv_in
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams
from tgvac.models.runtime import device_of, pin, quiet
from tgvac.models.sampler import frame_noise_model
from tgvac.models.schedule import alphas_cumprod
from tgvac.stage import Context
from tgvac.training.latent_clips import LatentClips, TextStates
from tgvac.training.loop import Job, train
from tgvac.training.objective import make_batch, noise_loss
from tgvac.training.outputs import run_folder, run_key, save_model
from tgvac.training.params import CheckpointParams, TrainingParams


def run(
    ctx: Context,
    *,
    diffusion: DiffusionParams,
    conditions: ConditionsParams,
    frame: TrainingParams,
    checkpoints: CheckpointParams,
    compute: ComputeParams,
) -> None:
    """Train the frame model of one seed."""
    pin(compute.threads)
    quiet()
    device = device_of(ctx.device)
    seed = int(ctx.options["seed"])
    params = frame.model_copy(update={"seed": frame.seed + seed, "clip_frames": 1, "frame_step": 1})
    folder = ctx.results / "backbones"
    backbones = load_backbones(folder, device)
    scaling = backbones.vae.config.scaling_factor
    unet = extend_conv_in(load_unet(folder)).to(device)
    clips = LatentClips(ctx, "train", min_frames=1)
    texts = TextStates(backbones, clips.texts())
    alphas_T = alphas_cumprod(diffusion)
    model = frame_noise_model(unet)

    def loss(step: int) -> torch.Tensor:
        batch = make_batch(clips, texts, params, conditions, scaling, diffusion.train_steps, "frame", step)
        return noise_loss(model, batch, alphas_T, device)

    latents = sha256(ctx.results / "latents" / "index.json")
    captions = sha256(ctx.results / "captions" / "captions.parquet")
    key = run_key(ctx, params, latents, captions, sha256(folder / "index.json"))
    events = train(Job(f"frame seed {seed}", unet, loss, params, checkpoints, key, ctx.scratch))
    save_model(run_folder(ctx), "unet", unet, events)
