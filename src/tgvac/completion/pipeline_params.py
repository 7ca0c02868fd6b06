"""What a pipeline must know beside its networks, as ``model_index.json`` keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from tgvac.clip.framing import FramingParams
from tgvac.completion.params import CompletionParams
from tgvac.config import Block, parse
from tgvac.errors import BadInput
from tgvac.models.params import ComputeParams, ConditionsParams, DiffusionParams, MotionModuleParams, SamplerParams
from tgvac.models.schedule import scheduler_of


class PipelineParams(Block):
    """The blocks of the scale that trained the model; of ``diffusion`` only what the scheduler's config lacks.

    ``conditions`` are those of the trained variant.
    """

    framing: FramingParams
    conditions: ConditionsParams
    motion_module: MotionModuleParams
    sampler: SamplerParams
    completion: CompletionParams
    compute: ComputeParams
    sampling_steps: int = Field(ge=1)
    eta: float = Field(ge=0, le=1)


def diffusion_of(config: Mapping[str, Any], sampling_steps: int, eta: float) -> DiffusionParams:
    """The block ``diffusion`` that a scheduler's config stands for.

    Raises:
        BadInput: when it is not the config of a scheduler that the sampler is, naming both values of the first key, or
            cannot be sampled in so many steps with that eta.
    """
    name = config.get("_class_name", "DDIMScheduler")
    if name != "DDIMScheduler":
        raise BadInput(f"The scheduler is a {name}, and the sampler is DDIM; take DDIMScheduler.from_config of it.")
    told = str(config["prediction_type"])
    block = {
        "train_steps": config["num_train_timesteps"],
        "beta_schedule": config["beta_schedule"],
        "beta_start": config["beta_start"],
        "beta_end": config["beta_end"],
        "sampling_steps": sampling_steps,
        "timestep_spacing": config["timestep_spacing"],
        "prediction": "v" if told == "v_prediction" else "epsilon",
        "zero_terminal_snr": config["rescale_betas_zero_snr"],
        "eta": eta,
    }
    diffusion = parse(DiffusionParams, block, "The scheduler's config and the pipeline's settings")
    for key, ours in scheduler_of(diffusion).config.items():
        if not key.startswith("_") and config.get(key, ours) != ours:
            raise BadInput(
                f"The scheduler's {key} is {config[key]!r}, and the sampler knows {ours!r} alone; set it to that."
            )
    return diffusion
