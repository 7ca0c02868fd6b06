"""Loading a method by its name, as a function from a clip to a completion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgvac.baselines.bounds import AutoencoderCeiling, CopyVisible
from tgvac.baselines.mean_colour import MeanColour
from tgvac.baselines.params import FloorsParams
from tgvac.baselines.temporal_copy import TemporalCopy
from tgvac.clip.clip import Clip
from tgvac.clip.completion import Completer, Completion
from tgvac.clip.framing import FramingParams
from tgvac.completion.params import CompletionParams, MethodParams
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams, MotionModuleParams, SamplerParams

Complete = Callable[[Clip, str, int], Completion]


@dataclass(frozen=True)
class Blocks:
    """All blocks that decide what methods do; ``conditions`` are those that the method's model was trained with."""

    framing: FramingParams
    diffusion: DiffusionParams
    conditions: ConditionsParams
    motion_module: MotionModuleParams
    sampler: SamplerParams
    completion: CompletionParams
    floors: FloorsParams
    compute: ComputeParams


def load_method(kind: str, method: MethodParams, indices: list[Path], blocks: Blocks, device_name: str) -> Complete:
    """A method, its networks loaded.

    Args:
        kind: the first half of its name.
        indices: index files in the folders of its networks: the backbones, then the trained model.
    """
    floors: dict[str, Completer] = {
        "copy_visible": CopyVisible(),
        "temporal_copy": TemporalCopy(blocks.floors),
        "mean_colour": MeanColour(blocks.floors),
    }
    if kind in floors:
        return from_input(floors[kind])
    from tgvac.devices import device_of, pin
    from tgvac.models.backbones import load_backbones
    from tgvac.models.runtime import quiet

    pin(blocks.compute.threads)
    quiet()
    device = device_of(device_name, blocks.compute.tf32)
    backbones = load_backbones(indices[0].parent, device)
    if kind == "autoencoder":
        threshold = blocks.completion.white_threshold
        ceiling = AutoencoderCeiling(backbones.vae, blocks.framing, blocks.compute.vae_batch, threshold)
        return lambda clip, text, seed: ceiling.reconstruct(clip.whole_FHW3, clip.visible_FHW)
    from tgvac.completion.ours import TemporalDiffusion
    from tgvac.models.prediction import telling_noise
    from tgvac.models.sampler import frame_noise_model, video_noise_model
    from tgvac.models.trained import load_frame_unet, load_video_unet

    folder = indices[1].parent
    if method.motion:
        network: Any = load_video_unet(folder, blocks.motion_module).to(device).eval()
    else:
        network = load_frame_unet(folder).to(device).eval()
    as_model = video_noise_model if method.motion else frame_noise_model
    completer = TemporalDiffusion(
        telling_noise(as_model, blocks.diffusion)(network),
        backbones,
        blocks.framing,
        blocks.diffusion,
        blocks.conditions,
        sampler_of(method, blocks.sampler),
        blocks.completion,
        blocks.compute,
        device,
    )
    return from_input(completer)


def sampler_of(method: MethodParams, sampler: SamplerParams) -> SamplerParams:
    """The sampler as a method has it.

    Raises:
        ValueError: when the method's hop is longer than a window.
    """
    length = WHOLE_VIDEO if method.one_window else sampler.clip_frames
    # Frames are independent without motion modules, so overlapping windows would only repeat work.
    hop = length if method.one_window or not method.motion else method.hop or sampler.hop
    guidance = sampler.guidance if method.guidance is None else method.guidance
    return SamplerParams(**{**sampler.model_dump(), "clip_frames": length, "hop": hop, "guidance": guidance})


WHOLE_VIDEO = 2**31
"""Longer than any video: a shorter video is one window of its own length."""


def from_input(completer: Completer) -> Complete:
    """A completer is given the input alone, never the clip, which holds the truth."""
    return lambda clip, text, seed: completer.complete(clip.frames_FHW3, clip.visible_FHW, text, seed)
