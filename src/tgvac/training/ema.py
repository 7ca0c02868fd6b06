"""The exponential moving average of the trained weights, which a training ends with.

``diffusers.training_utils.EMAModel`` has the same warm-up of the decay but rounds otherwise, and keeps its shadow
weights by position; here they are kept by name, as checkpoints need them.
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
        decay: 0 keeps no average at all: it would be the weights themselves.
    """

    def __init__(self, trained: Mapping[str, nn.Parameter], decay: float) -> None:
        self._trained, self._decay = trained, decay
        self.weights = {name: p.detach().clone() for name, p in trained.items()} if decay > 0 else {}

    def update(self, step: int) -> None:
        """Move the average after a step, from 0; its decay grows with the steps, so short runs forget the start."""
        decay = min(self._decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, average in self.weights.items():
                average.lerp_(self._trained[name].detach(), 1 - decay)

    @contextmanager
    def applied(self, module: nn.Module) -> Iterator[None]:
        """Put the module in evaluation mode with its averaged weights; afterwards all is as before, to the bit."""
        kept = {name: self._trained[name].detach().clone() for name in self.weights}
        self.copy_to_trained()
        module.eval()
        try:
            yield
        finally:
            copy_weights(kept, self._trained)
            module.train()

    def copy_to_trained(self) -> None:
        """Give the parameters the values of their average."""
        copy_weights(self.weights, self._trained)


def copy_weights(source: Mapping[str, torch.Tensor], target: Mapping[str, torch.Tensor]) -> None:
    """Copy tensors by name, in place."""
    with torch.no_grad():
        for name, values in source.items():
            target[name].copy_(values)
