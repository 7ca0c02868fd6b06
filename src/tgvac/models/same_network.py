"""Compares two configs of diffusers' UNets: whether the same weights give the same frame model.

Names and shapes of weights show most differences. Some are only in the config: the number of attention heads, the
groups of a normalisation, the activation between two layers.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

Config = Mapping[str, Any]

_LEFT_OUT = frozenset({"self", "sample_size", "dropout", "in_channels", "out_channels", "num_attention_heads"})
"""Keys that are only a hint, matter only in training, show in the shapes, or name the heads a second time."""

_BY_LEVEL = frozenset(
    {
        "attention_head_dim",
        "cross_attention_dim",
        "layers_per_block",
        "only_cross_attention",
        "reverse_transformer_layers_per_block",
        "transformer_layers_per_block",
    }
)
"""Keys where one value may stand for all levels."""


def first_difference(theirs: Config, ours: Config) -> tuple[str, str] | None:
    """The first difference between two frame models, each side as ``key value``; None if they are the same.

    Args:
        theirs: the config of a ``UNet2DConditionModel``, or of a ``UNetMotionModel``, of which only the frame layers
            count. A missing key has diffusers' default.
        ours: likewise.
    """
    for key in sorted(_defaults().keys() - _LEFT_OUT):
        if _meaning(theirs, key) != _meaning(ours, key):
            return _words(theirs, key), _words(ours, key)
    return None


@cache
def _defaults() -> dict[str, Any]:
    from diffusers import UNet2DConditionModel

    known = inspect.signature(UNet2DConditionModel.__init__).parameters.values()
    return {one.name: one.default for one in known}


def _name(config: Config, key: str) -> str:
    # In UNet2DConditionModel, attention_head_dim is the number of heads; UNetMotionModel has the right name for it.
    renamed = key == "attention_head_dim" and config.get("num_attention_heads") is not None
    return "num_attention_heads" if renamed else key


def _value(config: Config, key: str) -> Any:
    return _plain(config.get(_name(config, key), _defaults()[key]))


def _meaning(config: Config, key: str) -> Any:
    """A key's value in one notation, however it is written."""
    value = _value(config, key)
    if key in ("down_block_types", "up_block_types") and isinstance(value, list):
        # The motion model's blocks have the frame model's layers and motion modules.
        return [str(name).removeprefix("UNetRes").removesuffix("Motion").removesuffix("2D") for name in value]
    if value == "swish":
        return "silu"
    if key == "mid_block_only_cross_attention" and value is None:
        value = _value(config, "only_cross_attention")
        return value if isinstance(value, bool) else False
    if key == "reverse_transformer_layers_per_block" and value is None:
        return _meaning(config, "transformer_layers_per_block")[::-1]
    if key in _BY_LEVEL and not isinstance(value, list):
        return [value] * len(_value(config, "block_out_channels"))
    return value


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _words(config: Config, key: str) -> str:
    value = _value(config, key)
    said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"{_name(config, key)} {said}"
