"""Phase `frame`: the frame-level model (paper, section 3.3, "Frame-level Training").

frame/<variant>/seed<k>/unet/            a 12-channel UNet2DConditionModel
frame/<variant>/seed<k>/events.jsonl     step, loss, lr, gradient norm
frame/<variant>/seed<k>/index.json       digests of both
"""

from __future__ import annotations

from collections.abc import Mapping

from tgvac.clip.framing import FramingParams
from tgvac.devices import device_of, pin
from tgvac.models.backbones import load_unet
from tgvac.models.frame_start import start_from_frame_model
from tgvac.models.frame_unet import extend_conv_in
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams, FrameModelParams, VariantParams
from tgvac.models.runtime import quiet
from tgvac.models.sampler import frame_noise_model
from tgvac.stage import Context
from tgvac.training.loop import Job
from tgvac.training.noise_training import noise_job, train_and_save
from tgvac.training.outputs import variant_of
from tgvac.training.params import CheckpointParams, LatentsParams, SamplesParams, TrainingParams


def run(
    ctx: Context,
    *,
    diffusion: DiffusionParams,
    conditions: ConditionsParams,
    variants: Mapping[str, VariantParams],
    frame: TrainingParams,
    frame_model: FrameModelParams,
    checkpoints: CheckpointParams,
    samples: SamplesParams,
    framing: FramingParams,
    latents: LatentsParams,
    compute: ComputeParams,
) -> None:
    """Train the frame model of one variant and seed, on clips of one frame."""
    job = job_of(
        ctx,
        diffusion=diffusion,
        conditions=conditions,
        variants=variants,
        frame=frame,
        frame_model=frame_model,
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
    frame: TrainingParams,
    frame_model: FrameModelParams,
    checkpoints: CheckpointParams,
    samples: SamplesParams,
    framing: FramingParams,
    latents: LatentsParams,
    compute: ComputeParams,
) -> Job:
    """The training of the frame model of one variant and seed, on clips of one frame."""
    pin(compute.threads)
    quiet()
    device = device_of(ctx.device, compute.tf32)
    conditions = variant_of(ctx, variants).of(conditions)
    params = frame.model_copy(update={"seed": frame.seed + int(ctx.options["seed"])})
    folder = ctx.results / "backbones"
    unet = extend_conv_in(load_unet(folder))
    start = start_from_frame_model(unet, frame_model, ctx.root, diffusion.prediction) if frame_model.start else ""
    unet = unet.to(device)
    return noise_job(
        ctx,
        unet,
        frame_noise_model,
        params,
        diffusion,
        conditions,
        checkpoints,
        samples,
        framing,
        latents,
        compute,
        device,
        folder / "index.json",
        start,
    )
