"""CLIP's image tower in OpenAI's names, as transformers has it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from tgvac.errors import BadInput

State = Mapping[str, torch.Tensor]

_HEAD = 64
"""Channels of a head of attention in all of OpenAI's towers."""

_OUTER = {
    "class_embedding": "embeddings.class_embedding",
    "conv1.weight": "embeddings.patch_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_pre.weight": "pre_layrnorm.weight",
    "ln_pre.bias": "pre_layrnorm.bias",
    "ln_post.weight": "post_layernorm.weight",
    "ln_post.bias": "post_layernorm.bias",
}
_INNER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}


def openai_visual(state: State, prefix: str) -> dict[str, torch.Tensor]:
    """The image tower's tensors below a prefix, without it, in float32."""
    return {key.removeprefix(prefix): x.float() for key, x in state.items() if key.startswith(prefix)}


def clip_tower_of(visual: State, name: str) -> Any:
    """The ``CLIPVisionModelWithProjection`` of a tower in OpenAI's names.

    Args:
        name: of the checkpoint, for the message.

    Raises:
        BadInput: when a tensor is missing, unknown or of another shape.
    """
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    try:
        config, state = CLIPVisionConfig(**_shapes(visual)), _renamed(visual)
    except (KeyError, IndexError) as error:
        raise BadInput(f"{name} holds no image tower of CLIP ({error}); give another file.") from None
    with torch.device("meta"):
        network = CLIPVisionModelWithProjection(config)
    wanted = {key: tuple(x.shape) for key, x in network.state_dict().items()}
    found = {key: tuple(x.shape) for key, x in state.items()}
    if differs := [key for key in sorted({*wanted, *found}) if wanted.get(key) != found.get(key)]:
        raise BadInput(
            f"{name} does not fit CLIP's image tower: {differs[0]} is {found.get(differs[0], 'missing')} there and"
            f" {wanted.get(differs[0], 'unknown')} here; give another file."
        )
    # Made again with memory: positions, which are in no state, would stay on the device without any.
    network = CLIPVisionModelWithProjection(config)
    network.load_state_dict(state)
    return network.eval()


def _shapes(visual: State) -> dict[str, Any]:
    width, patch = visual["conv1.weight"].shape[0], visual["conv1.weight"].shape[-1]
    layers = {key.split(".")[2] for key in visual if key.startswith("transformer.resblocks.")}
    return {
        "hidden_size": width,
        "intermediate_size": visual["transformer.resblocks.0.mlp.c_fc.weight"].shape[0],
        "projection_dim": visual["proj"].shape[1],
        "num_hidden_layers": len(layers),
        "num_attention_heads": max(1, width // _HEAD),
        "image_size": math.isqrt(visual["positional_embedding"].shape[0] - 1) * patch,
        "patch_size": patch,
        "hidden_act": "quick_gelu",
    }


def _renamed(visual: State) -> dict[str, torch.Tensor]:
    found = {"visual_projection.weight": visual["proj"].T.contiguous()}
    for key, x in visual.items():
        if key in _OUTER:
            found[f"vision_model.{_OUTER[key]}"] = x
        elif key.startswith("transformer.resblocks."):
            number, _, rest = key.removeprefix("transformer.resblocks.").partition(".")
            found |= {f"vision_model.encoder.layers.{number}.{name}": part for name, part in _layer(rest, x).items()}
        elif key != "proj":
            found[f"vision_model.{key}"] = x  # no layer has this name, so the comparison names it
    return found


def _layer(key: str, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """A layer's tensor by its name in transformers; the input projection of attention is three of them."""
    part, _, kind = key.rpartition(".")
    if part in _INNER:
        return {f"{_INNER[part]}.{kind}": x}
    if part == "attn" and kind.startswith("in_proj_"):
        names = (f"self_attn.{name}_proj.{kind.removeprefix('in_proj_')}" for name in "qkv")
        return dict(zip(names, (third.contiguous() for third in x.chunk(3)), strict=True))
    return {key: x}
