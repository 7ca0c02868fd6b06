"""The model that completes: one that was exported, or the small one that ships with the project."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tgvac.config import parse
from tgvac.errors import BadInput
from tgvac.methods.ours import TemporalDiffusion
from tgvac.models.params import DiffusionParams
from tgvac.models.runtime import quiet
from tgvac.params import load_params
from tgvac.sampling.params import SamplerParams, check_sampling

DEMONSTRATION = "standins"
"""The folder of the shipped networks."""
_SCALE = "tiny"
"""The scale whose params the shipped completion model is used with."""


@dataclass(frozen=True)
class Asked:
    """What a user may set of the sampler; None for the model's own."""

    steps: int | None = None
    guidance: float | None = None
    stride: int | None = None

    def changes(self) -> dict[str, Any]:
        given = {"steps": self.steps, "guidance": self.guidance, "stride": self.stride}
        return {key: value for key, value in given.items() if value is not None}


def load_model(root: Path, model: str, asked: Asked, device: str) -> TemporalDiffusion:
    """Load a model for completing videos.

    Args:
        root: the project's folder, which has the shipped networks.
        model: a folder that ``tgvac export-model`` wrote, or its name on a hub; "" for the shipped one.

    Raises:
        BadInput: when it cannot be loaded, or cannot sample as asked.
    """
    quiet()
    found = _exported(root, model, asked, device) if model else _demonstration(root, asked, device)
    # The square follows the object, so that a small one in a large frame is not lost.
    framing = found.framing.model_copy(update={"mode": "follow"})
    return replace(found, framing=framing)


def describe(model: str) -> str:
    """The first line that a user reads."""
    if model:
        return f"completing with {model}"
    return (
        "completing with the demonstration model: it is small, has seen cartoons alone, and paints 64 x 64 pixels;"
        " give --model FOLDER (what tgvac export-model wrote) for a model of your own"
    )


def _demonstration(root: Path, asked: Asked, device: str) -> TemporalDiffusion:
    from tgvac.models.backbones import load_backbones
    from tgvac.models.motion_unet import load_inflated
    from tgvac.models.noise_models import as_epsilon_model, video_noise_model

    folder = root / DEMONSTRATION
    if not (folder / "index.json").is_file():
        raise BadInput(f"{folder} has no shipped model; run this in the project's folder, or give --model FOLDER.")
    params = load_params(root, _SCALE)
    video = load_inflated(folder / "motion", params.motion_module)
    on = torch.device(device)
    return TemporalDiffusion(
        as_epsilon_model(video_noise_model, params.diffusion)(video.to(on)),
        load_backbones(folder, on),
        params.framing,
        params.diffusion,
        params.conditions,
        _sampler(params.sampler, params.diffusion, asked),
        params.completion,
        params.compute,
        on,
    )


def _exported(root: Path, model: str, asked: Asked, device: str) -> TemporalDiffusion:
    from tgvac.completion.pipeline import VideoAmodalCompletionPipeline

    folder = root / model
    try:
        pipeline = VideoAmodalCompletionPipeline.from_pretrained(str(folder) if folder.is_dir() else model)
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise BadInput(f"--model {model} cannot be loaded ({first}); give a folder of tgvac export-model.") from None
    changed = asked.changes()
    found: TemporalDiffusion = pipeline.to(device).completer(
        changed.get("steps"), changed.get("guidance"), changed.get("stride")
    )
    return found


def _sampler(sampler: SamplerParams, diffusion: DiffusionParams, asked: Asked) -> SamplerParams:
    changed = parse(SamplerParams, {**sampler.model_dump(), **asked.changes()}, "The command's options")
    try:
        check_sampling(changed, diffusion, "--steps")
    except ValueError as error:
        raise BadInput(f"The model cannot sample so: {error}.") from None
    return changed
