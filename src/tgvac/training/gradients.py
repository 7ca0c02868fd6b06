"""The gradients of a training step, over micro-batches and processes."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch
from torch import nn

from tgvac.training.speed import Speed

if TYPE_CHECKING:
    from accelerate import Accelerator

    from tgvac.training.loop import Training


def accumulate_gradients(
    training: Training, accelerator: Accelerator, module: nn.Module, step: int, shares: list[range], speed: Speed
) -> tuple[float, dict[str, list[float]]]:
    """Add up the gradients of this process's micro-batches.

    Args:
        module: the training's module as accelerate has prepared it.
        shares: the rows of each micro-batch of this process.

    Returns:
        the loss and the values of its parts, over all processes.
    """
    losses, parts = [], dict[str, list[float]]()
    for number, rows in enumerate(shares, 1):
        with speed.waiting():
            batch = training.batch(step, rows)
        more = number < len(shares)
        with accelerator.no_sync(module) if more else nullcontext():
            found = training.loss(module, batch)
            accelerator.backward(found.mean / len(shares) if len(shares) > 1 else found.mean)
        losses.append(found.mean.detach())
        for name, values in found.parts.items():
            parts.setdefault(name, []).extend(values)
    loss = losses[0] if len(losses) == 1 else torch.stack(losses).mean()
    if accelerator.num_processes == 1:
        return float(loss), parts
    from accelerate.utils import gather_object

    everywhere: list[tuple[float, dict[str, list[float]]]] = gather_object([(float(loss), parts)])
    joined: dict[str, list[float]] = {}
    for _, theirs in everywhere:
        for name, values in theirs.items():
            joined.setdefault(name, []).extend(values)
    return sum(one for one, _ in everywhere) / len(everywhere), joined
