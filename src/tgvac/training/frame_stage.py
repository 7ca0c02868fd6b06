"""Phase `frame`: the frame-level model (paper, section 3.3, "Frame-level Training").

frame/<variant>/seed<k>/unet/            a UNet2DConditionModel with 12 input channels
frame/<variant>/seed<k>/events.jsonl     step, loss, lr, gradient norm
frame/<variant>/seed<k>/index.json       digests of both
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tgvac.clips.framing import FramingParams
from tgvac.devices import device_of, pin
from tgvac.latents.params import LatentsParams
from tgvac.models.backbones import load_unet
from tgvac.models.frame_start import start_from_frame_model
from tgvac.models.frame_unet import extend_conv_in
from tgvac.models.layouts import LAYOUTS
from tgvac.models.noise_models import frame_noise_model
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams, VariantParams
from tgvac.models.runtime import quiet
from tgvac.stage import Context
from tgvac.training.loop import Training
from tgvac.training.noise_training import Blocks, noise_training, train_and_save
from tgvac.training.outputs import variant_of
from tgvac.training.params import FrameModelParams, TrainingParams
from tgvac.training.run_params import CheckpointParams, SamplesParams

if TYPE_CHECKING:
    from tgvac.sampling.params import SamplerParams


def run(ctx: Context, **blocks: Any) -> dict[str, Any]:
    """Train the frame model of one variant and seed, on clips of one frame.

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
    frame: TrainingParams,
    frame_model: FrameModelParams,
    checkpoints: CheckpointParams,
    framing: FramingParams,
    latents: LatentsParams,
    compute: ComputeParams,
    samples: SamplesParams,
    sampler: SamplerParams,
) -> Training:
    """The training of the frame model of the variant and seed that the context's options name."""
    pin(compute.threads)
    quiet()
    device = device_of(ctx.device, compute.tf32)
    variant = variant_of(ctx, variants)
    conditions = variant.of(conditions)
    params = frame.of_run(int(ctx.options["seed"]), variant.steps_of("frame"))
    folder = ctx.results / "backbones"
    unet = extend_conv_in(load_unet(folder), LAYOUTS[conditions.layout])
    named, start = frame_model.start if variant.start is None else variant.start, ""
    if variant.after is not None:
        named = str(ctx.results / "frame" / variant.after / f"seed{ctx.options['seed']}" / "unet")
    if named:
        start = start_from_frame_model(unet, named, frame_model.start_revision, ctx.root, diffusion.prediction)
    blocks = Blocks(diffusion, conditions, checkpoints, framing, latents, compute, samples, sampler)
    return noise_training(ctx, unet.to(device), frame_noise_model, params, blocks, device, folder / "index.json", start)
