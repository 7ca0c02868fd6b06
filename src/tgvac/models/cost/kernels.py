"""The kernels that a GPU would run, on the device ``meta``: memory-saving attention, and autocast to bfloat16.

``meta`` has neither: its attention keeps the weight of every pair of positions, and ``torch.autocast`` does not support
it. So both are rules on torch's functions here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

Precision = Literal["float32", "bfloat16"]

# From torch's documentation, "Automatic Mixed Precision", "Autocast Op Reference", CUDA: those that our networks call.
_LOW = {
    functional.linear,
    functional.conv1d,
    functional.conv2d,
    functional.conv3d,
    functional.conv_transpose2d,
    functional.scaled_dot_product_attention,
    torch.matmul,
    torch.mm,
    torch.bmm,
    torch.addmm,
    torch.baddbmm,
    torch.einsum,  # not in the list itself, but it calls bmm
    torch.Tensor.matmul,
    torch.Tensor.__matmul__,
    torch.Tensor.mm,
    torch.Tensor.bmm,
}
_HIGH = {
    functional.group_norm,
    functional.layer_norm,
    functional.softmax,
    functional.mse_loss,
    functional.l1_loss,
    functional.cosine_similarity,
    torch.softmax,
    torch.exp,
    torch.pow,
    torch.Tensor.softmax,
    torch.Tensor.exp,
    torch.Tensor.pow,
    torch.Tensor.sum,
}


class Kernels(TorchFunctionMode):
    """Memory-saving attention and, for ``bfloat16``, torch's rules of autocast.

    The attention kernel keeps queries, keys, values, its output and one number per query. As in torch, trained
    parameters are cast once per pass, all others at each use.
    """

    def __init__(self, precision: Precision) -> None:
        super().__init__()
        self._low = precision == "bfloat16"
        self._cast: dict[int, torch.Tensor] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        if self._low and func in _LOW:
            args, named = tree_map(self._to_low, args), tree_map(self._to_low, named)
        elif self._low and func in _HIGH:
            args, named = tree_map(_to_high, args), tree_map(_to_high, named)
        if func is functional.scaled_dot_product_attention:
            return _attention(*args, **named)
        return func(*args, **named)

    def __exit__(self, *exc: Any) -> None:
        self._cast.clear()
        super().__exit__(*exc)  # type: ignore[no-untyped-call]

    def _to_low(self, value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or value.dtype != torch.float32:
            return value
        if not (value.is_leaf and value.requires_grad):
            return value.to(torch.bfloat16)
        if id(value) not in self._cast:
            self._cast[id(value)] = value.to(torch.bfloat16)
        return self._cast[id(value)]


def _to_high(value: Any) -> Any:
    return value.float() if isinstance(value, torch.Tensor) and value.dtype == torch.bfloat16 else value


def _attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    **_: Any,
) -> torch.Tensor:
    """``functional.scaled_dot_product_attention`` by the memory-saving kernel, which takes no boolean mask."""
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        attn_mask = attn_mask.to(query.dtype)
    if attn_mask is not None:
        attn_mask = attn_mask.expand(*query.shape[:-1], key.shape[-2])
    out: torch.Tensor = torch.ops.aten._scaled_dot_product_efficient_attention(
        query, key, value, attn_mask, True, dropout_p, is_causal, scale=scale
    )[0]
    return out
