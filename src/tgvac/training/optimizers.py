"""The optimizers a training can choose, by how much they keep for a number that is trained.

adamw        torch's: two moments, 8 bytes
adamw8bit    bitsandbytes': two moments of a byte each, quantised in blocks of 256; needs the package and a GPU
adafactor    torch's (Shazeer and Stern, 2018): the second moment by rows and columns alone; no first moment

With ``fused`` adamw's step is one pass through memory instead of one an operation; the same formula, rounded
otherwise. The others have one way only.

Adafactor reads ``lr`` otherwise: as a share of a weight's own size (root mean square of its numbers, 0.001 at
least), and never more than one over the root of the step's number. ``beta1`` and ``beta2`` mean nothing to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from tgvac.errors import BadInput
from tgvac.training.params import TrainingParams


def build_optimizer(trained: Iterable[nn.Parameter], params: TrainingParams, device: str) -> torch.optim.Optimizer:
    """The optimizer that the params name.

    Args:
        device: type of the device that the parameters are on.

    Raises:
        BadInput: for ``adamw8bit`` without a GPU, or without bitsandbytes.
    """
    if params.optimizer == "adafactor":
        # One parameter at a time: together they would pass through as many bytes as there are gradients.
        return torch.optim.Adafactor(trained, lr=params.lr, weight_decay=params.weight_decay, foreach=False)
    betas = (params.beta1, params.beta2)
    if params.optimizer == "adamw8bit":
        eight_bits: torch.optim.Optimizer = _eight_bits(device)(
            trained, lr=params.lr, betas=betas, weight_decay=params.weight_decay
        )
        return eight_bits
    # None is torch's own choice, which False is not: on a GPU it then takes all parameters at once.
    return torch.optim.AdamW(
        trained, lr=params.lr, betas=betas, weight_decay=params.weight_decay, fused=params.fused or None
    )


def _eight_bits(device: str) -> Any:
    """bitsandbytes' class, which has no types."""
    if device == "cpu":
        raise BadInput("optimizer adamw8bit needs a GPU; on a CPU take adafactor, which keeps as little, or adamw.")
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError:
        raise BadInput(
            "optimizer adamw8bit needs the package bitsandbytes, which is not installed; run `pip install"
            " bitsandbytes`, or take adafactor, which needs no package."
        ) from None
    return AdamW8bit
