"""The moving average of weights that a training ends with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn


def start_average(trained: Mapping[str, nn.Parameter], decay: float) -> dict[str, torch.Tensor]:
    """A copy of what is trained; of decay 0, which is the weights themselves, none at all."""
    return {name: parameter.detach().clone() for name, parameter in trained.items()} if decay > 0 else {}


def move_average(ema: Mapping[str, torch.Tensor], trained: Mapping[str, nn.Parameter], decay: float, step: int) -> None:
    """Move the average; its decay grows with the steps, so that short runs don't remember the first weights."""
    now = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for name, average in ema.items():
            average.lerp_(trained[name].detach(), 1 - now)


@contextmanager
def averaged(module: nn.Module, trained: Mapping[str, nn.Parameter], ema: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """The module with its averaged weights for a moment; afterwards all is as before, to the bit."""
    kept = {name: trained[name].detach().clone() for name in ema}
    copy_weights(ema, trained)
    module.eval()
    try:
        yield
    finally:
        copy_weights(kept, trained)
        module.train()


def copy_weights(source: Mapping[str, torch.Tensor], trained: Mapping[str, nn.Parameter]) -> None:
    """Give parameters the values of tensors of their names."""
    with torch.no_grad():
        for name, values in source.items():
            trained[name].copy_(values)
