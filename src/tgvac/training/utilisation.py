"""Model FLOPs utilisation: the FLOPs of a training's steps over those that the device can do in the same time.

Only the model's FLOPs are counted (from shapes, :mod:`tgvac.models.cost.walk`), not those that gradient checkpointing
repeats, as in Chowdhery et al. 2022 (PaLM), appendix B. The device's rate is measured with a product of square
matrices in the training's precision, since a nominal peak is known only for some GPUs.
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
from tgvac.training.execution import Precision
from tgvac.training.objective import Batch

_SIDES = {"cpu": 1024, "cuda": 8192}
"""Sides of the matrices: large enough not to be limited by memory; all rounds take a few tenths of a second."""
_ROUNDS = 5
_DTYPES: dict[Precision, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


class _Weightless:
    """A network that computes on shapes only; the weights of the original are not touched."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        named = (*module.named_parameters(), *module.named_buffers())
        self._shapes = {n: torch.empty_like(t, device=META, requires_grad=t.requires_grad) for n, t in named}

    def __call__(self, *given: Any, **named: Any) -> Any:
        return functional_call(self._module, self._shapes, given, named)


def sample_flops(module: Any, as_model: Callable[[Any], NoiseModel], one: Batch) -> int:
    """FLOPs of one training step on one sample: forward, and backward to the parameters that require gradients.

    Args:
        module: a network of diffusers.
        as_model: makes a noise model of the module or of a wrapper of it.
        one: a batch of one row; only its shapes matter.
    """
    model = as_model(_Weightless(module))
    x = one.stacked(one.z_BcFhw).to(META)
    t_B, text_BND, noise = one.t_B.to(META), one.text_BND.to(META), one.noise_BcFhw.to(META)
    with _kept_activations(module):
        return step_flops(module, lambda: functional.mse_loss(model(x, t_B, text_BND).float(), noise)).all


@contextmanager
def _kept_activations(module: Any) -> Iterator[None]:
    """Turn gradient checkpointing off, since its second forward pass would be counted."""
    checkpointing = module.is_gradient_checkpointing
    module.disable_gradient_checkpointing()
    try:
        yield
    finally:
        if checkpointing:
            module.enable_gradient_checkpointing()


def gemm_rate(device: torch.device, precision: Precision = "float32") -> float:
    """FLOPs per second of a product of square matrices: the best of several rounds, as other programs may be running.

    On a GPU, float32 may mean TF32, as :func:`tgvac.devices.device_of` has set it for the training.
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
