"""Loading a method by its name, as a function from a clip to a completion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tgvac.baselines.bounds import AutoencoderCeiling, CopyVisible
from tgvac.baselines.mean_colour import MeanColour
from tgvac.baselines.params import FloorsParams
from tgvac.baselines.temporal_copy import TemporalCopy
from tgvac.clip.clip import Clip
from tgvac.clip.completion import Completer, Completion
from tgvac.clip.framing import FramingParams
from tgvac.completion.params import CompletionParams
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams, MotionModuleParams, SamplerParams

Complete = Callable[[Clip, str, int], Completion]


@dataclass(frozen=True)
class MethodParams:
    """All blocks that decide what a method does."""

    framing: FramingParams
    diffusion: DiffusionParams
    conditions: ConditionsParams
    motion_module: MotionModuleParams
    sampler: SamplerParams
    completion: CompletionParams
    floors: FloorsParams
    compute: ComputeParams


def load_method(name: str, indices: list[Path], params: MethodParams, device_name: str) -> Complete:
    """A method, its networks loaded.

    Args:
        name: ``method/variant``.
        indices: index files in the folders of its networks: the backbones, then the trained model.
    """
    floors: dict[str, Completer] = {
        "copy_visible/plain": CopyVisible(),
        "temporal_copy/plain": TemporalCopy(params.floors),
        "mean_colour/plain": MeanColour(params.floors),
    }
    if name in floors:
        return from_input(floors[name])
    from tgvac.models.backbones import load_backbones
    from tgvac.models.runtime import device_of, pin, quiet

    pin(params.compute.threads)
    quiet()
    device = device_of(device_name)
    backbones = load_backbones(indices[0].parent, device)
    if name == "autoencoder/ceiling":
        threshold = params.completion.white_threshold
        ceiling = AutoencoderCeiling(backbones.vae, params.framing, params.compute.vae_batch, threshold)
        return lambda clip, text, seed: ceiling.reconstruct(clip.whole_FHW3, clip.visible_FHW)
    from tgvac.completion.ours import TemporalDiffusion
    from tgvac.models.sampler import frame_noise_model, video_noise_model
    from tgvac.models.trained import load_frame_unet, load_video_unet

    folder, sampler = indices[1].parent, params.sampler
    if name == "ours/no_motion":
        model = frame_noise_model(load_frame_unet(folder).to(device).eval())
        # Frames are independent without motion modules, so overlapping windows would only repeat work.
        sampler = sampler.model_copy(update={"hop": sampler.clip_frames})
    else:
        model = video_noise_model(load_video_unet(folder, params.motion_module).to(device).eval())
    completer = TemporalDiffusion(
        model,
        backbones,
        params.framing,
        params.diffusion,
        params.conditions,
        sampler,
        params.completion,
        params.compute,
        device,
    )
    return from_input(completer)


def from_input(completer: Completer) -> Complete:
    """A completer is given the input alone, never the clip, which holds the truth."""
    return lambda clip, text, seed: completer.complete(clip.frames_FHW3, clip.visible_FHW, text, seed)
