"""Model FLOPs utilisation: what a training's steps must compute, over what the device can in the same time.

The FLOPs are the model's alone (a walk over shapes, :mod:`tgvac.models.cost.walk`): what gradient checkpointing
computes again is no use to the model and is not counted, as in Chowdhery et al. 2022 (PaLM), appendix B. What the
device can is measured, by a product of square matrices in the training's own precision: a maker's peak is known of few
devices, and of no CPU that shares its cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from tgvac.models.cost.walk import META, step_flops
from tgvac.models.noise_models import NoiseModel
from tgvac.models.runtime import normal
from tgvac.training.objective import Batch
from tgvac.training.placement import Precision

_SIDES = {"cpu": 1024, "cuda": 8192}
"""Of the matrices: large enough that memory does not decide, and a few tenths of a second in all."""
_ROUNDS = 5
_DTYPES: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


class _Weightless:
    """A network that computes on shapes alone, in place of its weights; these stay as they are."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        named = (*module.named_parameters(), *module.named_buffers())
        self._shapes = {n: torch.empty_like(t, device=META, requires_grad=t.requires_grad) for n, t in named}

    def __call__(self, *given: Any, **named: Any) -> Any:
        return functional_call(self._module, self._shapes, given, named)


def sample_flops(module: Any, as_model: Callable[[Any], NoiseModel], one: Batch) -> int:
    """FLOPs of one training step of a noise model on one sample: forward, and backward to what requires gradients.

    Args:
        module: a network of diffusers.
        as_model: makes a noise model of the module, and of what wraps it.
        one: a batch of one row, of which only shapes count.
    """
    model = as_model(_Weightless(module))
    x = one.stacked(one.z_BcFhw).to(META)
    t_B, text_BND, noise = one.t_B.to(META), one.text_BND.to(META), one.noise_BcFhw.to(META)
    with _kept_activations(module):
        return step_flops(module, lambda: functional.mse_loss(model(x, t_B, text_BND).float(), noise)).all


@contextmanager
def _kept_activations(module: Any) -> Iterator[None]:
    """The network without gradient checkpointing for a while, whose second pass would be counted."""
    checkpointing = module.is_gradient_checkpointing
    module.disable_gradient_checkpointing()
    try:
        yield
    finally:
        if checkpointing:
            module.enable_gradient_checkpointing()


def gemm_rate(device: torch.device, precision: Precision = "float32") -> float:
    """FLOPs a second of a product of square matrices, the best of some rounds: others may use the machine, too.

    On a GPU float32 is what :func:`tgvac.devices.device_of` has made of it, as in the training itself.
    """
    side = _SIDES[device.type]
    a, b = (normal((side, side), "gemm", i).to(device, _DTYPES[precision]) for i in range(2))
    best = 0.0
    with torch.no_grad():
        for _ in range(1 + _ROUNDS):
            began = _now(device)
            torch.mm(a, b)
            best = max(best, 2 * side**3 / (_now(device) - began))
    return best


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
