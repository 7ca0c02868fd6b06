"""Small random weights of the real SAM and SAM 2 classes, and params for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tests.unit.mask_videos import params
from tgvac.masks.params import MasksParams, Sam2Params, SamParams
from tgvac.masks.sam2_weights import build

NOTHING_SEEN = -1e4
"""A bias of SAM 2's object score with which it never sees an object."""


def sam2_params(weights: Path | str, **changes: Any) -> Sam2Params:
    """Params of SAM 2's smallest model at 64 pixels, with a prompt every fourth frame."""
    small = {"model": "sam2.1_hiera_t", "image_size": 64, "prompt_every": 4, "prompts": 2, "precision": "float32"}
    return params(sam2={**small, "weights": str(weights), **changes}).sam2


def sam_params(weights: Path | str, **changes: Any) -> SamParams:
    return params(sam={"weights": str(weights), "batch": 3, **changes}).sam


def with_sam2(weights: Path | str, **changes: Any) -> MasksParams:
    """Params that use SAM 2 for everything that it can do."""
    sam2 = sam2_params(weights, **changes)
    return params(sparse="sam2", first="sam2", boxes="sam2", sam2=sam2.model_dump(mode="json"))


def save_sam2(path: Path, seed: int = 0, seen: float = 0.0) -> Path:
    """A checkpoint as its authors publish them, of random weights in half precision.

    Args:
        seen: bias of the judgement on whether the object is there.
    """
    torch.manual_seed(seed)
    tensors = build(sam2_params("none")).state_dict()
    tensors["sam_mask_decoder.pred_obj_score_head.layers.2.bias"] += seen
    torch.save({"model": {name: tensor.half() for name, tensor in tensors.items()}}, path)
    return path


def save_sam(folder: Path, seed: int = 0) -> Path:
    """SAM as transformers saves it, with random weights, for images of 64 pixels."""
    from transformers import SamConfig, SamImageProcessor, SamModel, SamProcessor

    torch.manual_seed(seed)
    vision = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 64,
        "patch_size": 8,
        "output_channels": 32,
        "mlp_dim": 64,
        "window_size": 4,
        "global_attn_indexes": [1],
        "num_pos_feats": 16,
    }
    decoder = {"hidden_size": 32, "mlp_dim": 64, "iou_head_hidden_dim": 32, "num_attention_heads": 2}
    prompts = {"hidden_size": 32, "image_size": 64, "patch_size": 8, "image_embedding_size": 8}
    model = SamModel(SamConfig(vision_config=vision, mask_decoder_config=decoder, prompt_encoder_config=prompts))
    model.save_pretrained(folder)
    SamProcessor(
        SamImageProcessor(
            size={"longest_edge": 64},
            pad_size={"height": 64, "width": 64},
            mask_size={"longest_edge": 16},
            mask_pad_size={"height": 16, "width": 16},
        )
    ).save_pretrained(folder)
    return folder
