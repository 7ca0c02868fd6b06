"""The baseline ProgressiveAmodal (Xu et al. 2024), written from its description; see :mod:`tgvac.progressive`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion
from tgvac.devices import device_of, pin
from tgvac.errors import BadInput
from tgvac.masks.params import MasksParams
from tgvac.masks.runtime import Runtime
from tgvac.methods.contract import Complete, Setup
from tgvac.methods.params import MethodParams
from tgvac.models.backbones import load_backbones
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams, VariantParams
from tgvac.models.runtime import quiet
from tgvac.progressive.building import build, local_weights_of
from tgvac.progressive.networks import Inpainter, checked, load_network, whole_model
from tgvac.progressive.occluders import without_truth
from tgvac.progressive.params import ProgressiveParams
from tgvac.sampling.params import SamplerParams


def load(
    setup: Setup,
    *,
    diffusion: DiffusionParams,
    conditions: ConditionsParams,
    variants: Mapping[str, VariantParams],
    sampler: SamplerParams,
    progressive: ProgressiveParams,
    masks: MasksParams,
    compute: ComputeParams,
) -> Complete:
    """The method with its networks loaded.

    Raises:
        BadInput: when a network does not fit, or the method's entry does not say who tells the occluders.
    """
    source = setup.method.occluders
    if source is None:
        raise BadInput("The method's entry of methods has no occluders; set it to oracle, around or outside.")
    pin(compute.threads)
    quiet()
    device, runtime = device_of(setup.device, compute.tf32), Runtime(setup.root, setup.device, compute.tf32)
    if (published := setup.method.published) is not None:
        inpainter = whole_model(published, progressive, setup.root, device)
    else:
        assert setup.backbones is not None
        assert setup.trained is not None
        name = setup.method.trained
        if variants[name].of(conditions).latents != "scaled":
            raise BadInput(
                f"variants.{name} has unscaled latents, and an inpainting model takes scaled ones; set its latents to"
                " scaled."
            )
        unet = load_network(setup.trained, "unet", device)
        found = Inpainter(unet, load_backbones(setup.backbones, device), diffusion)
        inpainter = checked(found, progressive, f"variants.{name}")
    own = sampler_for(setup.method, sampler)
    completer = build(inpainter, own, progressive, masks, compute.vae_batch, runtime, device)
    if source == "oracle":
        # The truth of what is in front, which its rows are named for; nothing else of the truth is read.
        return lambda clip, text, seed: completer.complete(
            clip.frames_FHW3, clip.visible_FHW, clip.occluder_FHW, text, seed
        )
    occluders = without_truth(progressive, source)

    def complete(clip: Clip, text: str, seed: int) -> Completion:
        frames_FHW3, visible_FHW = clip.frames_FHW3, clip.visible_FHW
        return completer.complete(frames_FHW3, visible_FHW, occluders(frames_FHW3, visible_FHW), text, seed)

    return complete


def sampler_for(method: MethodParams, sampler: SamplerParams) -> SamplerParams:
    """The sampler with the method's own steps and guidance; there are no windows in single frames."""
    own = {"steps": method.steps, "guidance": method.guidance}
    return sampler.model_copy(update={key: value for key, value in own.items() if value is not None})


def local_weights(setup: Setup, *, progressive: ProgressiveParams, masks: MasksParams, **blocks: Any) -> list[str]:
    """Digests of the weights that no phase made."""
    return local_weights_of(progressive, masks, Runtime(setup.root, setup.device), setup.method.published)
