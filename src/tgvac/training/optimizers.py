"""The optimizers that a training can use, and their state in checkpoints.

adamw        PyTorch's AdamW: two moments, 8 bytes a parameter
adamw8bit    bitsandbytes' AdamW: two moments of one byte each, quantised in blocks of 256; needs the package and a GPU
adafactor    PyTorch's Adafactor (Shazeer and Stern 2018): the second moment by rows and columns only, no first moment

With ``fused``, a step of adamw is one pass through memory instead of one per operation. The formula is the same, but
rounding differs. The other optimizers ignore it.

Adafactor's ``lr`` is relative: a step is at most ``min(lr, 1 / sqrt(step))`` times the root mean square of the weight
(at least 0.001). It ignores ``beta1`` and ``beta2``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from tgvac.errors import BadInput
from tgvac.training.params import TrainingParams

_NUMBER = ".number"


def build_optimizer(trained: Iterable[nn.Parameter], params: TrainingParams, device: str) -> torch.optim.Optimizer:
    """The optimizer that the params name.

    Args:
        device: type of the device that the parameters are on.

    Raises:
        BadInput: for ``adamw8bit`` without a GPU, or without bitsandbytes.
    """
    if params.optimizer == "adafactor":
        # foreach would need temporary memory as large as all gradients.
        return torch.optim.Adafactor(trained, lr=params.lr, weight_decay=params.weight_decay, foreach=False)
    betas = (params.beta1, params.beta2)
    if params.optimizer == "adamw8bit":
        eight_bits: torch.optim.Optimizer = _eight_bits(device)(
            trained, lr=params.lr, betas=betas, weight_decay=params.weight_decay
        )
        return eight_bits
    # None, not False: with None PyTorch uses its multi-tensor implementation on a GPU.
    return torch.optim.AdamW(
        trained, lr=params.lr, betas=betas, weight_decay=params.weight_decay, fused=params.fused or None
    )


def _eight_bits(device: str) -> Any:
    """The class of bitsandbytes, which is untyped."""
    if device == "cpu":
        raise BadInput(
            "The optimizer adamw8bit needs a GPU; on a CPU use adafactor, which needs as little memory, or adamw."
        )
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError:
        raise BadInput(
            "The optimizer adamw8bit needs the package bitsandbytes, which is not installed; run `pip install"
            " bitsandbytes`, or use adafactor, which needs no package."
        ) from None
    return AdamW8bit


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The state as tensors: ``<parameter index>.<name>``, and ``<parameter index>.<name>.number`` for plain numbers.

    ``state_dict`` is not used, since bitsandbytes nests its tensors there.
    """
    out: dict[str, torch.Tensor] = {}
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    shared: set[int] = set()
    for index, parameter in enumerate(parameters):
        for name, value in optimizer.state.get(parameter, {}).items():
            if not isinstance(value, torch.Tensor):
                out[f"{index}.{name}{_NUMBER}"] = torch.tensor(value)
                continue
            # safetensors refuses tensors that share memory, so a table that all parameters share is copied.
            common = value.numel() > 0 and value.data_ptr() in shared
            shared.add(value.data_ptr())
            out[f"{index}.{name}"] = value.clone() if common else value
    return out


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Restore the state that :func:`optimizer_tensors` returned; parameter groups stay as they were built."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        part = state.setdefault(int(index), {})
        if name.endswith(_NUMBER):
            part[name.removesuffix(_NUMBER)] = value.item()
        else:
            part[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
