"""Loads SAM 2's video predictor: the architecture by name, the weights from a file that can only contain tensors.

The package ``sam2`` builds the network. Its loading function is not used, because it does not report checkpoints that
do not fit, and does not support safetensors.
"""

from __future__ import annotations

import pickle
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tgvac.config import nearest
from tgvac.devices import device_of
from tgvac.errors import BadInput
from tgvac.masks.params import Sam2Params
from tgvac.masks.runtime import Runtime

if TYPE_CHECKING:
    from sam2.sam2_video_predictor import SAM2VideoPredictor

_STRIDE = 16
"""Pixels per cell of the image features, the grid of the rotary positions."""
_UNREADABLE = (OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError, pickle.UnpicklingError)


def weights_file(params: Sam2Params, runtime: Runtime) -> Path:
    """The path of the checkpoint; it is fetched from the hub if it is not a local file.

    Raises:
        BadInput: when it is neither a file nor a name that can be fetched.
    """
    local = runtime.local(params.weights)
    if local is not None and local.is_file():
        return local
    from huggingface_hub import hf_hub_download
    from sam2.build_sam import HF_MODEL_ID_TO_FILENAMES

    if params.weights not in HF_MODEL_ID_TO_FILENAMES:
        hint = nearest(params.weights, list(HF_MODEL_ID_TO_FILENAMES))
        raise BadInput(
            f"masks.sam2.weights '{params.weights}' is neither a file below {runtime.root.resolve()} nor a known name"
            f" of SAM 2; {hint}"
        )
    name = HF_MODEL_ID_TO_FILENAMES[params.weights][1]
    try:
        return Path(hf_hub_download(params.weights, name, revision=params.revision))
    except OSError as error:
        first = str(error).strip().splitlines()[0].split(". ")[0].rstrip(".")
        raise BadInput(
            f"masks.sam2.weights '{params.weights}' cannot be fetched ({first}); name a local file, or set masks.sparse"
            " and masks.first to 'flow' and masks.boxes to 'grabcut', which need no weights (in tgvac complete:"
            " --tracker follow)."
        ) from None


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint by name, from safetensors or a ``.pt`` file; code in the file is never run.

    Raises:
        BadInput: when the file is something else.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        held = torch.load(path, map_location="cpu", weights_only=True)
        tensors = held.get("model", held)
        if not all(isinstance(value, torch.Tensor) for value in tensors.values()):
            raise ValueError("it contains more than tensors")
    except (*_UNREADABLE, AttributeError, SafetensorError) as error:
        # Only the first sentence, because torch then advises how to read unsafe files.
        first = (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0].rstrip(".")
        raise BadInput(
            f"{path} cannot be read safely as a checkpoint of SAM 2 ({first}); fetch the published file again."
        ) from None
    return dict(tensors)


@lru_cache(maxsize=1)
def load_sam2(params: Sam2Params, runtime: Runtime) -> tuple[SAM2VideoPredictor, torch.device]:
    """The frozen video predictor on its device, and the device; loaded once per process.

    Raises:
        BadInput: when weights or device are not available, or when the weights are of another architecture.
    """
    device = device_of(runtime.device, runtime.tf32)
    tensors = read_tensors(weights_file(params, runtime))
    predictor = build(params)
    own = predictor.state_dict()
    wrong = sorted(
        {name for name in own if name not in tensors or tensors[name].shape != own[name].shape}
        | set(tensors) - set(own)
    )
    if wrong:
        raise BadInput(
            f"masks.sam2.weights '{params.weights}' does not fit masks.sam2.model '{params.model}':"
            f" {len(wrong)} tensors differ (the first is {wrong[0]});"
            " use the weights of this model or the model of these weights."
        )
    predictor.load_state_dict(tensors)
    return predictor.requires_grad_(False).eval().to(device), device


def build(params: Sam2Params) -> SAM2VideoPredictor:
    """The network with random weights, on the CPU."""
    from sam2.build_sam import build_sam2_video_predictor

    cells = params.image_size // _STRIDE
    layer = "++model.memory_attention.layer"
    predictor = build_sam2_video_predictor(
        f"configs/sam2.1/{params.model}.yaml",
        ckpt_path=None,
        device="cpu",
        hydra_overrides_extra=[
            f"++model.image_size={params.image_size}",
            f"{layer}.self_attention.feat_sizes=[{cells},{cells}]",
            f"{layer}.cross_attention.feat_sizes=[{cells},{cells}]",
            f"++model.max_cond_frames_in_attn={params.prompts}",
        ],
    )
    # Filling holes needs a CUDA extension that is rarely built, and refinement fills them anyway.
    predictor.fill_hole_area = 0
    return predictor
