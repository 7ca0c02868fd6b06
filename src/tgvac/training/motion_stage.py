"""Phase `motion`: temporal modules on the frozen frame model (paper, section 3.3, "Motion Training").

motion/<variant>/seed<k>/unet/           a UNetMotionModel, its frame layers those of `frame`
motion/<variant>/seed<k>/events.jsonl    step, loss, lr, gradient norm
motion/<variant>/seed<k>/index.json      digests of both
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from tgvac.clip.framing import FramingParams
from tgvac.devices import device_of, pin
from tgvac.models.motion_unet import inflate
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams, MotionModuleParams, VariantParams
from tgvac.models.runtime import quiet
from tgvac.models.sampler import video_noise_model
from tgvac.models.trained import load_frame_unet
from tgvac.models.warm_start import start_from_adapter
from tgvac.seeds import seed_of
from tgvac.stage import Context
from tgvac.training.loop import Job
from tgvac.training.noise_training import noise_job, train_and_save
from tgvac.training.outputs import run_folder, variant_of
from tgvac.training.params import CheckpointParams, LatentsParams, SamplesParams, TrainingParams


def run(
    ctx: Context,
    *,
    diffusion: DiffusionParams,
    conditions: ConditionsParams,
    variants: Mapping[str, VariantParams],
    motion: TrainingParams,
    motion_module: MotionModuleParams,
    checkpoints: CheckpointParams,
    samples: SamplesParams,
    framing: FramingParams,
    latents: LatentsParams,
    compute: ComputeParams,
) -> None:
    """Train the motion modules of one variant and seed; the frame layers keep their weights."""
    job = job_of(
        ctx,
        diffusion=diffusion,
        conditions=conditions,
        variants=variants,
        motion=motion,
        motion_module=motion_module,
        checkpoints=checkpoints,
        samples=samples,
        framing=framing,
        latents=latents,
        compute=compute,
    )
    train_and_save(ctx, job)


def job_of(
    ctx: Context,
    *,
    diffusion: DiffusionParams,
    conditions: ConditionsParams,
    variants: Mapping[str, VariantParams],
    motion: TrainingParams,
    motion_module: MotionModuleParams,
    checkpoints: CheckpointParams,
    samples: SamplesParams,
    framing: FramingParams,
    latents: LatentsParams,
    compute: ComputeParams,
) -> Job:
    """The training of the motion modules of one variant and seed; the frame layers keep their weights."""
    pin(compute.threads)
    quiet()
    device = device_of(ctx.device, compute.tf32)
    conditions = variant_of(ctx, variants).of(conditions)
    params = motion.model_copy(update={"seed": motion.seed + int(ctx.options["seed"])})
    frame_folder = run_folder(ctx, "frame")
    torch.manual_seed(seed_of("motion modules", params.seed))
    unet = inflate(load_frame_unet(frame_folder), motion_module)
    start = start_from_adapter(unet, motion_module, ctx.root) if motion_module.start else ""
    unet = unet.to(device)
    return noise_job(
        ctx,
        unet,
        video_noise_model,
        params,
        diffusion,
        conditions,
        checkpoints,
        samples,
        framing,
        latents,
        compute,
        device,
        frame_folder / "index.json",
        start,
    )
