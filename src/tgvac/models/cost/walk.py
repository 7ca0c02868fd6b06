"""A walk over a network's shapes: its FLOPs, its parameters, and what training it keeps in memory.

FLOPs are counted as torch counts them: a multiplication and an addition are two; matrix products, convolutions and
attention count, all else (under a hundredth of it) does not. Attention's gradient counts as memory-saving kernels do
it, which compute its weights a second time.
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
"""One forward pass up to the loss; makes its own input on ``meta``."""


@dataclass(frozen=True)
class StepFlops:
    """FLOPs of one training step: of its forward pass, and of all with whatever is computed again."""

    forward: int
    all: int


@dataclass(frozen=True)
class Parameters:
    """How many numbers a network has, and how many of them are trained."""

    all: int
    trained: int


def parameters_of(*modules: nn.Module) -> Parameters:
    """Of one network, or of several together."""
    found = [p for module in modules for p in module.parameters()]
    return Parameters(sum(p.numel() for p in found), sum(p.numel() for p in found if p.requires_grad))


def forward_flops(call: Callable[[], Any]) -> int:
    """FLOPs of what is called, without gradients."""
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
    """What the graph keeps for its backward pass, parameters left out, each storage once."""
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
    """The most bytes alive in a training step beside parameters: input, activations, gradients and what passes.

    Args:
        gradients_held: whether gradients of an earlier part of the batch are there from the start.
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
    """The module in training mode, with or without checkpointing for a while; no gradients before or after."""

    def __init__(self, module: Any, precision: Precision, checkpointing: bool) -> None:
        self._module, self._precision, self._checkpointing = module, precision, checkpointing

    def __enter__(self) -> None:
        module = self._module
        self._was = module.training
        module.train()
        if self._checkpointing:
            # What is computed again runs in the backward pass, where the rules of the forward pass are not in force.
            again = partial(
                checkpoint, use_reentrant=False, context_fn=lambda: (nullcontext(), Kernels(self._precision))
            )
            module.enable_gradient_checkpointing(again)

    def __exit__(self, *exc: object) -> None:
        if self._checkpointing:
            self._module.disable_gradient_checkpointing()
        self._module.zero_grad(set_to_none=True)
        self._module.train(self._was)
