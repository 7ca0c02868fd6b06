"""What both stages share: training a noise model on encoded clips of the train split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tgvac.clips.framing import FramingParams
from tgvac.files import sha256
from tgvac.latents.latent_clips import training_clips
from tgvac.latents.live_features import open_features
from tgvac.latents.params import LatentsParams
from tgvac.latents.text_states import TextStates, open_texts
from tgvac.models.backbones import load_backbones
from tgvac.models.noise_models import NoiseModel, as_epsilon_model, loss_weights
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams
from tgvac.models.schedule import noise_schedule
from tgvac.stage import Context
from tgvac.training.execution import Execution
from tgvac.training.loop import StepLoss, Training, train
from tgvac.training.objective import Batch, make_batch, noise_loss
from tgvac.training.outputs import identity_of, run_folder, save_model
from tgvac.training.params import TrainingParams
from tgvac.training.resuming import resumed_from
from tgvac.training.run_params import CheckpointParams, SamplesParams
from tgvac.training.speed import Work
from tgvac.training.utilisation import gemm_rate, sample_flops
from tgvac.training.watching import HeldOut, watcher

if TYPE_CHECKING:
    from tgvac.sampling.params import SamplerParams


@dataclass(frozen=True)
class Blocks:
    """The blocks of params that both stages read besides their own.

    Attributes:
        conditions: those of the trained variant.
        samples, sampler: how pictures are made during training; they do not change the result.
    """

    diffusion: DiffusionParams
    conditions: ConditionsParams
    checkpoints: CheckpointParams
    framing: FramingParams
    latents: LatentsParams
    compute: ComputeParams
    samples: SamplesParams
    sampler: SamplerParams


def noise_training(
    ctx: Context,
    module: Any,
    as_model: Callable[[Any], NoiseModel],
    params: TrainingParams,
    blocks: Blocks,
    device: torch.device,
    weights: Path,
    start: str = "",
) -> Training:
    """The training of those parameters of ``module`` that require gradients.

    Args:
        module: the network, on its device.
        as_model: makes a noise model of clips from the network or from a wrapper of it.
        weights: the index of the network's initial weights; part of the identity.
        start: the digest of initial weights from outside the project; part of the identity.
    """
    diffusion, conditions, compute = blocks.diffusion, blocks.conditions, blocks.compute
    folder = ctx.results / "backbones"
    backbones = load_backbones(folder, device)
    scaling = backbones.vae.config.scaling_factor
    features = open_features(ctx, backbones.vae, params.pairs_share, blocks.framing, blocks.latents, compute)
    shortest = params.frame_step * (params.clip_frames - 1) + 1
    clips = training_clips(ctx, params.pairs_share, shortest, features)
    texts = TextStates(backbones, open_texts(ctx, compute) if blocks.latents.cache else None)
    schedule = noise_schedule(diffusion)
    weights_T, as_model = loss_weights(diffusion, schedule.alphas_cumprod), as_epsilon_model(as_model, diffusion)

    def batch(step: int, rows: range) -> Batch:
        return make_batch(clips, texts, params, conditions, scaling, diffusion.train_steps, ctx.phase, step, rows)

    def loss(network: nn.Module, given: Batch) -> StepLoss:
        return noise_loss(as_model(network), given, schedule, device, weights_T, diffusion.target)

    def work() -> Work:
        flops = params.batch * sample_flops(module, as_model, batch(0, range(1)))
        return Work(flops, ctx.portions.processes * gemm_rate(device, params.precision))

    inputs = [ctx.results / "latents" / "index.json", ctx.results / "captions" / "captions.parquet"]
    read = [sha256(path) for path in (*inputs, folder / "index.json", weights)]
    held_out = HeldOut(ctx, params, blocks, backbones)
    execution = Execution(device.type, params.precision, ctx.portions.micro_batch, ctx.portions.checkpointing)
    execution.choose_attention(module)
    if ctx.portions.checkpointing:
        module.enable_gradient_checkpointing()
    return Training(
        name=training_name(ctx),
        module=module,
        batch=batch,
        loss=loss,
        params=params,
        checkpoints=blocks.checkpoints,
        identity=identity_of(ctx, params, clips.digest, *read, *([start] if start else [])),
        folder=ctx.scratch,
        watch=watcher(held_out, as_model(module), device) if conditions.of_the_paper else None,
        watch_every=blocks.samples.every,
        execution=execution,
        work=work,
        resume_from=ctx.resume_from,
    )


def training_name(ctx: Context) -> str:
    """The name of a training in messages. Its first word is the phase, which is also its block of the params."""
    return f"{ctx.phase} {ctx.options['variant']} seed {ctx.options['seed']}"


def train_and_save(ctx: Context, training: Training) -> dict[str, Any]:
    """Train, and save the network in the run's folder as ``unet/``.

    Returns:
        further facts for the provenance: ``resumed_from``, the runs of other code that it was resumed from, if any.
    """
    events = train(training)
    if ctx.portions.rank == 0:
        save_model(run_folder(ctx), "unet", training.module, events, training.pictures)
    earlier = resumed_from(training.state) if ctx.portions.rank == 0 else []
    return {"resumed_from": earlier} if earlier else {}
