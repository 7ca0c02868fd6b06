"""Phase `motion`: temporal modules on the frozen frame model (paper, section 3.3, "Motion Training").

motion/<variant>/seed<k>/unet/           a UNetMotionModel with the frame layers of `frame`
motion/<variant>/seed<k>/events.jsonl    step, loss, lr, gradient norm
motion/<variant>/seed<k>/index.json      digests of both
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from tgvac.clips.framing import FramingParams
from tgvac.devices import device_of, pin
from tgvac.latents.params import LatentsParams
from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.motion_unet import inflate
from tgvac.models.noise_models import video_noise_model
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams, VariantParams
from tgvac.models.runtime import quiet
from tgvac.models.trained import load_frame_unet
from tgvac.models.warm_start import start_from_adapter
from tgvac.seeds import seed_of
from tgvac.stage import Context
from tgvac.training.loop import Training
from tgvac.training.noise_training import Blocks, noise_training, train_and_save
from tgvac.training.outputs import run_folder, variant_of
from tgvac.training.params import TrainingParams
from tgvac.training.run_params import CheckpointParams, SamplesParams

if TYPE_CHECKING:
    from tgvac.sampling.params import SamplerParams


def run(ctx: Context, **blocks: Any) -> dict[str, Any]:
    """Train the motion modules of one variant and seed; the frame layers keep their weights.

    Args:
        blocks: those of :func:`training_of`.

    Returns:
        further facts for the provenance.
    """
    return train_and_save(ctx, training_of(ctx, **blocks))


def training_of(
    ctx: Context,
    *,
    diffusion: DiffusionParams,
    conditions: ConditionsParams,
    variants: Mapping[str, VariantParams],
    motion: TrainingParams,
    motion_module: MotionModuleParams,
    checkpoints: CheckpointParams,
    framing: FramingParams,
    latents: LatentsParams,
    compute: ComputeParams,
    samples: SamplesParams,
    sampler: SamplerParams,
) -> Training:
    """The training of the motion modules of the variant and seed that the context's options name."""
    pin(compute.threads)
    quiet()
    device = device_of(ctx.device, compute.tf32)
    variant = variant_of(ctx, variants)
    conditions = variant.of(conditions)
    params = motion.of_run(int(ctx.options["seed"]), variant.steps_of("motion"))
    frame_folder = run_folder(ctx, "frame")
    torch.manual_seed(seed_of("motion modules", params.seed))
    unet = inflate(load_frame_unet(frame_folder), motion_module)
    start = start_from_adapter(unet, motion_module, ctx.root) if motion_module.start else ""
    blocks = Blocks(diffusion, conditions, checkpoints, framing, latents, compute, samples, sampler)
    return noise_training(
        ctx, unet.to(device), video_noise_model, params, blocks, device, frame_folder / "index.json", start
    )
