"""The exponential moving average of the trained weights. A finished training has these weights.

``diffusers.training_utils.EMAModel`` has the same warm-up of the decay, but it rounds differently and keeps its shadow
weights by position. Checkpoints need them by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn


class EMA:
    """The average of some parameters, by name.

    Args:
        trained: the parameters.
        decay: of the average, in [0, 1). With 0 no average is kept, since it would equal the weights.
    """

    def __init__(self, trained: Mapping[str, nn.Parameter], decay: float) -> None:
        self._trained, self._decay = trained, decay
        self.weights = {name: p.detach().clone() for name, p in trained.items()} if decay > 0 else {}

    def update(self, step: int) -> None:
        """Update the average after a step, from 0. The decay grows with the steps, so short runs forget the start."""
        decay = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, average in self.weights.items():
                average.lerp_(self._trained[name].detach(), 1 - decay)

    @contextmanager
    def applied(self, module: nn.Module) -> Iterator[None]:
        """Put the module in evaluation mode with its averaged weights; afterwards everything is restored exactly."""
        kept = {name: self._trained[name].detach().clone() for name in self.weights}
        self.copy_to_trained()
        module.eval()
        try:
            yield
        finally:
            copy_weights(kept, self._trained)
            module.train()

    def copy_to_trained(self) -> None:
        """Copy the averages to the parameters."""
        copy_weights(self.weights, self._trained)


def copy_weights(source: Mapping[str, torch.Tensor], target: Mapping[str, torch.Tensor]) -> None:
    """Copy tensors by name, in place."""
    with torch.no_grad():
        for name, values in source.items():
            target[name].copy_(values)
