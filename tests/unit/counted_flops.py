"""FLOPs counted by hand, independently of torch's counter: formulas of each layer, shapes from hooks on the layers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.attention_processor import Attention
from torch import nn

from tgvac.models.paper_block import RelativeSelfAttention, TextCrossAttention

BACKWARD = 2.5
"""Backward FLOPs over forward FLOPs of attention: four products for the gradients, and one that is recomputed."""


@dataclass
class Counted:
    """FLOPs of the passes under :func:`counting`."""

    forward: float = 0.0
    backward: float = 0.0


@contextmanager
def counting(module: nn.Module) -> Iterator[Counted]:
    """Count the FLOPs of a module's convolutions, linear layers and attention."""
    counted = Counted()

    def layer(each: Any, given: tuple[Any, ...], named: dict[str, Any], out: torch.Tensor) -> None:
        seen = given[0] if given else named["input"]
        if isinstance(each, nn.Conv2d):
            taps = each.kernel_size[0] * each.kernel_size[1] * each.in_channels
        else:
            taps = each.in_features
        flops = 2.0 * out.numel() * taps
        counted.forward += flops
        counted.backward += flops * (seen.requires_grad + each.weight.requires_grad)

    def attended(flops: float, out: torch.Tensor) -> None:
        counted.forward += flops
        counted.backward += BACKWARD * flops * out.requires_grad

    def attention(each: Any, given: tuple[Any, ...], named: dict[str, Any], out: torch.Tensor) -> None:
        queries = given[0] if given else named["hidden_states"]
        text = named.get("encoder_hidden_states")
        keys = queries.shape[1] if text is None else text.shape[1]
        attended(4.0 * queries.shape[0] * queries.shape[1] * keys * each.to_q.out_features, out)

    def among_frames(each: Any, given: tuple[Any, ...], out: torch.Tensor) -> None:
        pixels, frames, channels = given[0].shape
        attended(4.0 * pixels * frames**2 * channels, out)
        near = 2.0 * pixels * frames**2 * channels
        counted.forward += near
        counted.backward += 2 * near

    def to_words(each: Any, given: tuple[Any, ...], out: torch.Tensor) -> None:
        pixels, frames, channels = given[0].shape
        attended(4.0 * pixels * frames * given[1].shape[1] * channels, out)

    handles = []
    for each in module.modules():
        if isinstance(each, nn.Conv2d | nn.Linear):
            handles.append(each.register_forward_hook(layer, with_kwargs=True))
        elif isinstance(each, Attention):
            handles.append(each.register_forward_hook(attention, with_kwargs=True))
        elif isinstance(each, RelativeSelfAttention):
            handles.append(each.register_forward_hook(among_frames))
        elif isinstance(each, TextCrossAttention):
            handles.append(each.register_forward_hook(to_words))
    try:
        yield counted
    finally:
        for handle in handles:
            handle.remove()
