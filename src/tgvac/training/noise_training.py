"""What both stages share: a noise model trained on cached clips of the train split."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from tgvac.clip.framing import FramingParams
from tgvac.files import sha256
from tgvac.models.backbones import load_backbones
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams
from tgvac.models.sampler import NoiseModel
from tgvac.models.schedule import alphas_cumprod
from tgvac.stage import Context
from tgvac.training.latent_clips import TextStates, training_clips
from tgvac.training.loop import Job, train
from tgvac.training.objective import make_batch, noise_loss
from tgvac.training.outputs import run_folder, run_key, save_model
from tgvac.training.params import CheckpointParams, SamplesParams, TrainingParams
from tgvac.training.samples import HeldOut, watcher


def train_noise_model(
    ctx: Context,
    module: nn.Module,
    model: NoiseModel,
    params: TrainingParams,
    diffusion: DiffusionParams,
    conditions: ConditionsParams,
    checkpoints: CheckpointParams,
    samples: SamplesParams,
    framing: FramingParams,
    compute: ComputeParams,
    device: torch.device,
    weights: Path,
) -> None:
    """Train whatever of ``module`` requires gradients, and save it in the run's folder as ``unet/``.

    Args:
        module: the network, on its device.
        model: the same network as a noise model of clips.
        weights: the index of what its first weights came from; part of the run's identity.
    """
    folder = ctx.results / "backbones"
    backbones = load_backbones(folder, device)
    scaling = backbones.vae.config.scaling_factor
    clips = training_clips(ctx, params.pairs_share, min_frames=params.frame_step * (params.clip_frames - 1) + 1)
    texts = TextStates(backbones)
    alphas_T = alphas_cumprod(diffusion)

    def loss(step: int) -> torch.Tensor:
        batch = make_batch(clips, texts, params, conditions, scaling, diffusion.train_steps, ctx.phase, step)
        return noise_loss(model, batch, alphas_T, device)

    inputs = [ctx.results / "latents" / "index.json", ctx.results / "captions" / "captions.parquet"]
    key = run_key(ctx, params, clips.digest, *(sha256(path) for path in (*inputs, folder / "index.json", weights)))
    name = f"{ctx.phase} {ctx.options['variant']} seed {ctx.options['seed']}"
    held_out = HeldOut(ctx, params, samples, framing, conditions, diffusion, compute, backbones)
    look = watcher(held_out, model, device)
    job = Job(name, module, loss, params, checkpoints, key, ctx.scratch, look, samples.every)
    events = train(job)
    save_model(run_folder(ctx), "unet", module, events, job.pictures)
