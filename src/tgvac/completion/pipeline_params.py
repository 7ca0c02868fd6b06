"""What a pipeline needs besides its networks, as ``model_index.json`` stores it."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

from tgvac.clips.framing import FramingParams
from tgvac.config import Block, parse
from tgvac.errors import BadInput
from tgvac.methods.params import CompletionParams
from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams
from tgvac.sampling.params import SamplerParams, check_sampling, with_changes
from tgvac.sampling.scheduler import network_sampler


class PipelineParams(Block):
    """The blocks of the scale that trained the model; ``diffusion`` is in the scheduler's config.

    ``conditions`` are those of the trained variant.
    """

    framing: FramingParams
    conditions: ConditionsParams
    motion_module: MotionModuleParams
    sampler: SamplerParams
    completion: CompletionParams
    compute: ComputeParams


_BEFORE = {"guided_levels": (0.0, 1.0), "solver": "ddim", "overlap": 1.0, "weights": "flat", "ends": "inside"}
"""What the sampler did before it had these keys."""


def with_older(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a folder that was exported before the sampler had all of its keys."""
    sampler = settings.get("sampler")
    return dict(settings) | ({"sampler": _BEFORE | dict(sampler)} if isinstance(sampler, Mapping) else {})


def diffusion_of(config: Mapping[str, Any], sampler: SamplerParams) -> DiffusionParams:
    """The block ``diffusion`` that a scheduler's config stands for.

    Raises:
        BadInput: when it is not the config of the scheduler that the sampler is, naming both values of the first key,
            or the sampler cannot run on it.
    """
    name = config.get("_class_name", "DDIMScheduler")
    if name != "DDIMScheduler":
        raise BadInput(f"The scheduler is a {name}, and the sampler is DDIM; take DDIMScheduler.from_config of it.")
    block = {
        "train_steps": config["num_train_timesteps"],
        "beta_schedule": config["beta_schedule"],
        "beta_start": config["beta_start"],
        "beta_end": config["beta_end"],
        "prediction": "v" if str(config["prediction_type"]) == "v_prediction" else "epsilon",
        "zero_terminal_snr": config["rescale_betas_zero_snr"],
    }
    diffusion = parse(DiffusionParams, block, "The scheduler's config")
    for key, ours in network_sampler(diffusion, sampler).config.items():
        if not key.startswith("_") and config.get(key, ours) != ours:
            raise BadInput(
                f"The scheduler's {key} is {config[key]!r}, and the sampler knows {ours!r} alone; set it to that."
            )
    try:
        check_sampling(sampler, diffusion, "num_inference_steps")
    except ValueError as error:
        raise BadInput(f"The pipeline cannot sample so: {error}.") from None
    return diffusion


def sampler_of_call(
    sampler: SamplerParams, changed: Mapping[str, Any], longest: int | None, fast: bool = False
) -> SamplerParams:
    """The block ``sampler`` with a call's changes.

    Args:
        changed: keys of the block; those that are None stay as they are, or as the preset *fast* has them.
        longest: the most frames of a window; None if there is no limit.

    Raises:
        BadInput: when windows would leave frames out, have a stride in spite of the preset, or are too long for the
            motion modules.
    """
    found = with_changes(sampler, {key: _plain(value) for key, value in changed.items()}, fast)
    length, stride = found["clip_frames"], found["stride"]
    if stride > length:
        raise BadInput(
            f"stride {stride} is longer than the clip_length {length}, so windows would leave frames out; give a stride"
            f" of at most {length}."
        )
    if longest is not None and length > longest:
        raise BadInput(
            f"clip_length {length} is longer than the {longest} frames that the motion modules have positions for; give"
            f" at most {longest}."
        )
    return parse(SamplerParams, found, "The call's arguments")


def _plain(value: Any) -> Any:
    """A number of numpy as Python's, which the block is parsed from."""
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, numbers.Real) else value


def check_negative(negative: str, sampler: SamplerParams, conditions: ConditionsParams) -> None:
    """Refuse a negative prompt that would change nothing, or that the model never learnt to read.

    Raises:
        BadInput: says which.
    """
    if negative and not conditions.text:
        raise BadInput("negative_prompt is given, and this model was trained without text; leave it out.")
    if negative and sampler.guidance == 1.0:
        raise BadInput(
            "negative_prompt has no effect with a guidance_scale of 1; give a larger guidance_scale, or no"
            " negative_prompt."
        )
