"""Puts the baseline together from its networks and params."""

from __future__ import annotations

import torch

from tgvac.masks.params import MasksParams
from tgvac.masks.runtime import Runtime
from tgvac.models.noise_models import as_epsilon_model, frame_noise_model
from tgvac.progressive.amodal_mask import finder_of
from tgvac.progressive.completer import ProgressiveAmodal
from tgvac.progressive.mixed_context import MixedContext
from tgvac.progressive.networks import Inpainter
from tgvac.progressive.params import ProgressiveParams
from tgvac.progressive.removal import removal_of
from tgvac.sampling.params import SamplerParams


def build(
    inpainter: Inpainter,
    sampler: SamplerParams,
    params: ProgressiveParams,
    masks: MasksParams,
    batch: int,
    runtime: Runtime,
    device: torch.device,
) -> ProgressiveAmodal:
    """The baseline, ready to complete.

    Args:
        sampler: its steps, guidance, eta and spacing; guidance is by text alone, as inpainting models are trained.
        batch: of the autoencoder.

    Raises:
        BadInput: when weights that the params name are not there.
    """
    painter = MixedContext(
        inpainter.unet,
        as_epsilon_model(frame_noise_model, inpainter.diffusion)(inpainter.unet),
        inpainter.backbones,
        inpainter.diffusion,
        # A solver that remembers would remember latents from before the swap.
        sampler.model_copy(update={"solver": "ddim"}),
        params,
        removal_of(params, runtime.root, device),
        batch,
        device,
    )
    return ProgressiveAmodal(painter, finder_of(params, masks, runtime), params)


def local_weights_of(
    params: ProgressiveParams, masks: MasksParams, runtime: Runtime, published: str | None
) -> list[str]:
    """Digests of the local weights that the params name, besides the backbones and the trained network.

    Args:
        published: the whole inpainting model, if the method has one.
    """
    named = [published] if published else []
    named += [params.lama] if params.removal == "lama" else []
    named += [masks.sam.weights] if params.amodal == "sam" else []
    return [found for name in named if (found := runtime.digest(name))]
