"""What masks of a frame cost.

The FLOPs of SAM and SAM 2 are counted on ``meta`` tensors. Their image encoders count, and SAM 2's memory attention;
prompts and mask decoders are below a hundredth of these.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from tgvac.masks.params import MasksParams, Sam2Params
from tgvac.models.cost.networks import empty
from tgvac.models.cost.walk import META, forward_flops

# huggingface.co/facebook/sam-vit-{base,large,huge}: config.json, vision_config. Base is the default of transformers.
SAM: dict[str, dict[str, Any]] = {
    "facebook/sam-vit-base": {},
    "facebook/sam-vit-large": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "global_attn_indexes": [5, 11, 17, 23],
        "mlp_dim": 4096,
    },
    "facebook/sam-vit-huge": {
        "hidden_size": 1280,
        "num_hidden_layers": 32,
        "num_attention_heads": 16,
        "global_attn_indexes": [7, 15, 23, 31],
        "mlp_dim": 5120,
    },
}


def precision_of(params: MasksParams, name: str) -> str:
    """The precision of a segmenter."""
    return {"sam": params.sam.precision, "sam2": params.sam2.precision}.get(name, "float32")


def segmenting(params: MasksParams, carried: str, name: str) -> tuple[int, str]:
    """FLOPs of the masks of one frame, and a note on them.

    Args:
        carried: which annotations a track has: the segmenter's key in the block ``masks``.
        name: of the segmenter.
    """
    if name == "sam":
        found = sam_encoder(params.sam.weights)
        return (0, f"{params.sam.weights}: shapes not known") if found is None else (found, "")
    if name != "sam2":
        return 0, ""
    encoder, attention = sam2_costs(params.sam2)
    # Between two annotations SAM 2 tracks forwards and backwards: each frame is seen twice, on average with three
    # memories. Otherwise each frame is seen once, with the prompted frames and the six frames before it as memories.
    passes, memories = (2, 3) if carried == "sparse" else (1, 6 + (params.sam2.prompts if carried == "boxes" else 1))
    return passes * (encoder + attention(memories)), "one object at a time"


def sam_encoder(weights: str) -> int | None:
    """FLOPs of SAM's image encoder per frame; None if the shapes of the weights are not known."""
    from transformers import SamVisionConfig, SamVisionModel

    if weights not in SAM:
        return None
    config = SamVisionConfig(**SAM[weights])
    with META:
        model = SamVisionModel(config).eval()
    return forward_flops(lambda: model(pixel_values=empty(1, 3, config.image_size, config.image_size)))


@cache
def sam2_costs(params: Sam2Params) -> tuple[int, Callable[[int], int]]:
    """FLOPs of SAM 2's image encoder per frame, and a function of those of its attention to a number of memories."""
    from sam2.build_sam import build_sam2_video_predictor

    with META, _CountsOnCpu():
        # Built as in tgvac.masks.sam2_weights, but without weights; the image size follows from the input.
        predictor = build_sam2_video_predictor(f"configs/sam2.1/{params.model}.yaml", ckpt_path=None, device="meta")
    size, cells = params.image_size, (params.image_size // 16) ** 2
    encoder = forward_flops(lambda: predictor.image_encoder(empty(1, 3, size, size)))

    def attention(memories: int) -> int:
        seen = empty(cells, 1, predictor.hidden_dim)
        held = empty(memories * cells, 1, predictor.mem_dim)
        return forward_flops(lambda: predictor.memory_attention([seen], held, [seen], held, 0))

    return encoder, attention


class _CountsOnCpu(TorchFunctionMode):
    """Keeps ``torch.linspace`` on the CPU: SAM 2 reads its values while it is built, and ``meta`` tensors have none."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = dict(kwargs or {})
        if func is torch.linspace:
            named["device"] = "cpu"
        return func(*args, **named)
