"""What both stages share: a noise model trained on encoded clips of the train split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tgvac.clip.framing import FramingParams
from tgvac.files import sha256
from tgvac.models.backbones import load_backbones
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams
from tgvac.models.prediction import loss_weights, telling_noise
from tgvac.models.sampler import NoiseModel
from tgvac.models.schedule import alphas_cumprod
from tgvac.stage import Context
from tgvac.training.latent_clips import training_clips
from tgvac.training.live_features import open_features
from tgvac.training.loop import Job, StepLoss, train
from tgvac.training.objective import Batch, make_batch, noise_loss
from tgvac.training.outputs import run_folder, run_key, save_model
from tgvac.training.params import CheckpointParams, LatentsParams, SamplesParams, TrainingParams
from tgvac.training.placement import Placement
from tgvac.training.samples import HeldOut, watcher
from tgvac.training.speed import Work
from tgvac.training.text_states import TextStates, open_texts
from tgvac.training.utilisation import gemm_rate, sample_flops


def noise_job(
    ctx: Context,
    module: Any,
    as_model: Callable[[Any], NoiseModel],
    params: TrainingParams,
    diffusion: DiffusionParams,
    conditions: ConditionsParams,
    checkpoints: CheckpointParams,
    samples: SamplesParams,
    framing: FramingParams,
    latents: LatentsParams,
    compute: ComputeParams,
    device: torch.device,
    weights: Path,
    start: str = "",
) -> Job:
    """The training of whatever of ``module`` requires gradients.

    Args:
        module: the network, on its device.
        as_model: makes a noise model of clips of it, and of what wraps it.
        weights: the index of what its first weights came from; part of the run's identity.
        start: the digest of first weights that came from outside of the project; likewise.
    """
    folder = ctx.results / "backbones"
    backbones = load_backbones(folder, device)
    scaling = backbones.vae.config.scaling_factor
    features = open_features(ctx, backbones.vae, params.pairs_share, framing, latents, compute)
    shortest = params.frame_step * (params.clip_frames - 1) + 1
    clips = training_clips(ctx, params.pairs_share, shortest, features)
    texts = TextStates(backbones, open_texts(ctx, compute) if latents.cache else None)
    alphas_T = alphas_cumprod(diffusion)
    weights_T, as_model = loss_weights(diffusion, alphas_T), telling_noise(as_model, diffusion)

    def batch(step: int, rows: range) -> Batch:
        return make_batch(clips, texts, params, conditions, scaling, diffusion.train_steps, ctx.phase, step, rows)

    def loss(network: nn.Module, given: Batch) -> StepLoss:
        return noise_loss(as_model(network), given, alphas_T, device, weights_T, diffusion.told)

    inputs = [ctx.results / "latents" / "index.json", ctx.results / "captions" / "captions.parquet"]
    read = [sha256(path) for path in (*inputs, folder / "index.json", weights)]
    key = run_key(ctx, params, clips.digest, *read, *([start] if start else []))
    name = f"{ctx.phase} {ctx.options['variant']} seed {ctx.options['seed']}"
    held_out = HeldOut(ctx, params, samples, framing, conditions, diffusion, compute, backbones)
    look = watcher(held_out, as_model(module), device)
    placement = Placement(device.type, params.precision, ctx.portions.micro_batch, ctx.portions.checkpointing)
    if ctx.portions.checkpointing:
        module.enable_gradient_checkpointing()

    def work() -> Work:
        flops = params.batch * sample_flops(module, as_model, batch(0, range(1)))
        return Work(flops, ctx.portions.processes * gemm_rate(device, params.precision))

    return Job(
        name, module, batch, loss, params, checkpoints, key, ctx.scratch, look, samples.every, placement, work=work
    )


def train_and_save(ctx: Context, job: Job) -> None:
    """Train, and save the network in the run's folder as ``unet/``."""
    events = train(job)
    if ctx.portions.rank == 0:
        save_model(run_folder(ctx), "unet", job.module, events, job.pictures)
