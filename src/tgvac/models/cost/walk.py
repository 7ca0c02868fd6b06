"""FLOPs, parameters and training memory of a network, from its shapes alone.

FLOPs are counted as torch does: a multiplication and an addition are two. Matrix products, convolutions and attention
count, everything else (less than 1 %) does not. The gradient of attention is that of memory-saving kernels, which
compute the attention weights a second time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from tgvac.models.cost.kernels import Kernels, Precision
from tgvac.models.cost.live import LiveBytes

META = torch.device("meta")

Loss = Callable[[], torch.Tensor]
"""One forward pass up to the loss; it creates its input on ``meta``."""


@dataclass(frozen=True)
class StepFlops:
    """FLOPs of one training step: of the forward pass, and of everything, recomputation included."""

    forward: int
    all: int


@dataclass(frozen=True)
class Parameters:
    """Numbers of parameters: all, and those that are trained."""

    all: int
    trained: int


def parameters_of(*modules: nn.Module) -> Parameters:
    """The parameters of one network, or of several together."""
    found = [p for module in modules for p in module.parameters()]
    return Parameters(sum(p.numel() for p in found), sum(p.numel() for p in found if p.requires_grad))


def forward_flops(call: Callable[[], Any]) -> int:
    """FLOPs of a call, without gradients."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter, Kernels("float32"):
        call()
    return int(counter.get_total_flops())


def step_flops(module: nn.Module, loss: Loss, checkpointing: bool = False) -> StepFlops:
    """FLOPs of one training step."""
    with _Training(module, "float32", checkpointing), FlopCounterMode(display=False) as counter:
        with Kernels("float32"):
            value = loss()
        forward = counter.get_total_flops()
        torch.autograd.backward(value)
    return StepFlops(forward, counter.get_total_flops())


def kept_bytes(module: nn.Module, loss: Loss, precision: Precision = "float32", checkpointing: bool = False) -> int:
    """Bytes that the graph keeps for its backward pass, without parameters; each storage counts once."""
    own = {t.untyped_storage()._cdata for t in (*module.parameters(), *module.buffers())}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage.nbytes()
        return tensor

    with (
        _Training(module, precision, checkpointing),
        torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor),
        Kernels(precision),
    ):
        value = loss()
    del value
    return sum(kept.values())


def peak_bytes(
    module: nn.Module,
    loss: Loss,
    precision: Precision = "float32",
    checkpointing: bool = False,
    gradients_held: bool = False,
) -> int:
    """The most bytes alive in a training step, without parameters: input, activations, gradients, temporary tensors.

    Args:
        gradients_held: whether gradients of an earlier micro-batch exist from the start.
    """
    with _Training(module, precision, checkpointing):
        held = []
        if gradients_held:
            for parameter in module.parameters():
                if parameter.requires_grad:
                    parameter.grad = torch.empty_like(parameter)
                    held.append(parameter.grad)
        with LiveBytes([*module.parameters(), *module.buffers(), *held]) as live:
            with Kernels(precision):
                value = loss()
            torch.autograd.backward(value)
            del value
        return int(live.peak + sum(gradient.untyped_storage().nbytes() for gradient in held))


class _Training:
    """The module in training mode, with or without checkpointing; afterwards as before, without gradients."""

    def __init__(self, module: Any, precision: Precision, checkpointing: bool) -> None:
        self._module, self._precision, self._checkpointing = module, precision, checkpointing

    def __enter__(self) -> None:
        module = self._module
        self._was = module.training
        module.train()
        if self._checkpointing:
            # Recomputation runs in the backward pass, where the Kernels of the forward pass are not active.
            again = partial(
                checkpoint, use_reentrant=False, context_fn=lambda: (nullcontext(), Kernels(self._precision))
            )
            module.enable_gradient_checkpointing(again)

    def __exit__(self, *exc: object) -> None:
        if self._checkpointing:
            self._module.disable_gradient_checkpointing()
        self._module.zero_grad(set_to_none=True)
        self._module.train(self._was)
