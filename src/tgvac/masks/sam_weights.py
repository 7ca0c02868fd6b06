"""Loads SAM's network and preprocessing by ``from_pretrained``, from a hub or a folder, safetensors only."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from tgvac.devices import device_of
from tgvac.errors import BadInput
from tgvac.masks.params import SamParams
from tgvac.masks.runtime import Runtime

if TYPE_CHECKING:
    from transformers import SamModel, SamProcessor


@lru_cache(maxsize=1)
def load_sam(params: SamParams, runtime: Runtime) -> tuple[SamModel, SamProcessor, torch.device]:
    """Frozen SAM in fp32 on its device, its processor, and the device; loaded once per process.

    Raises:
        BadInput: when weights or device are not available, or when the weights are not of SAM.
    """
    import transformers
    from safetensors import SafetensorError
    from transformers import SamConfig, SamModel, SamProcessor

    device = device_of(runtime.device, runtime.tf32)
    transformers.utils.logging.disable_progress_bar()
    local = runtime.local(params.weights)
    origin = params.weights if local is None else str(local)
    named = f"masks.sam.weights '{params.weights}'"
    try:
        config, _ = SamConfig.get_config_dict(origin, revision=params.revision)
        if config.get("model_type") != "sam":
            raise BadInput(
                f"{named} is a model of type {config.get('model_type')!r}, not 'sam'; use SAM's weights in the format"
                " of transformers, such as facebook/sam-vit-huge."
            )
        model, report = SamModel.from_pretrained(
            origin,
            revision=params.revision,
            use_safetensors=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
        processor = SamProcessor.from_pretrained(origin, revision=params.revision)
    except (OSError, SafetensorError) as error:
        first = str(error).strip().splitlines()[0].split(". ")[0].rstrip(".")
        raise BadInput(
            f"{named} cannot be loaded ({first}); name a local folder or a reachable hub name, or set masks.boxes to"
            " 'grabcut', which needs no weights."
        ) from None
    wrong = sorted([*report["missing_keys"], *(str(key[0]) for key in report["mismatched_keys"])])
    if wrong:
        raise BadInput(
            f"{named} does not fit its config.json: {len(wrong)} of its tensors are missing or have another size"
            f" (the first is {wrong[0]}); fetch the folder again."
        )
    return model.requires_grad_(False).eval().to(device), processor, device
