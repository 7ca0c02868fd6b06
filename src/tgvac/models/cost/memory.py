"""The GPU memory that a training needs, by its settings.

Parameters, optimizer state and EMA are always in memory. A step also needs the larger of two amounts: what is alive in
its forward and backward pass, gradients included; and the gradients with the temporary tensors of the optimizer's step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from torch import nn

from tgvac.models.cost.kernels import Precision
from tgvac.models.cost.walk import Loss, parameters_of, peak_bytes

Optimizer = Literal["adamw", "adamw8bit", "adafactor"]
Passes = Literal["fused", "together", "apart"]

_FLOAT = 4
"""Bytes of a parameter, its gradient and its EMA; autocast casts copies."""


@dataclass(frozen=True)
class Choices:
    """How a network is trained.

    Attributes:
        batch: samples of a step.
        accumulation: gradient accumulation: micro-batches of a step.
        checkpointing: gradient checkpointing, at the network's own checkpoints.
        ema: whether a moving average of the trained parameters is kept.
        precision: of matrix products and convolutions; ``bfloat16`` by autocast.
        passes: how ``adamw`` updates: ``fused``, without temporary tensors; one operation at a time on all parameters
            ``together``, as torch does on a GPU; or parameter by parameter, ``apart``.
    """

    batch: int
    accumulation: int = 1
    checkpointing: bool = False
    optimizer: Optimizer = "adamw"
    ema: bool = True
    precision: Precision = "float32"
    passes: Passes = "fused"

    def __post_init__(self) -> None:
        if not 1 <= self.accumulation <= self.batch:
            raise ValueError(
                f"accumulation {self.accumulation} is not between 1 and the batch of {self.batch}; lower it"
            )

    @property
    def micro_batch(self) -> int:
        """Samples that go through the network at once."""
        return -(-self.batch // self.accumulation)


@dataclass(frozen=True)
class Memory:
    """Bytes of one training.

    Attributes:
        parameters: of the network, and of frozen networks on the same GPU.
        ema: the moving average.
        activations: the most that a step needs in addition to gradients.
    """

    parameters: int
    gradients: int
    optimizer: int
    ema: int
    activations: int

    @property
    def sum(self) -> int:
        return self.parameters + self.gradients + self.optimizer + self.ema + self.activations


def memory_of(
    module: nn.Module,
    loss_of: Callable[[int], Loss],
    choices: Choices,
    state_bytes: Mapping[str, float],
    beside: Iterable[nn.Module] = (),
    peaks: Callable[[Choices], int] | None = None,
) -> Memory:
    """Estimate the memory of a training by walking one step on ``meta``.

    Args:
        loss_of: the loss of a step, given its number of samples.
        state_bytes: optimizer state in bytes per trained number, by optimizer; ``adafactor``'s depends on shapes.
        beside: frozen networks on the same GPU.
        peaks: returns what :func:`walked_peak` would, where it is known already.
    """
    trained = [tuple(p.shape) for p in module.parameters() if p.requires_grad]
    numbers = sum(map(prod, trained))
    gradients = numbers * _FLOAT
    peak = peaks(choices) if peaks is not None else walked_peak(module, loss_of, choices)
    return Memory(
        parameters=(parameters_of(module).all + sum(parameters_of(m).all for m in beside)) * _FLOAT,
        gradients=gradients,
        optimizer=kept_bytes_of(choices.optimizer, trained, state_bytes),
        ema=gradients if choices.ema else 0,
        activations=max(peak - gradients, _passing(choices, trained)),
    )


def walked_peak(module: nn.Module, loss_of: Callable[[int], Loss], choices: Choices) -> int:
    """The most bytes alive in a forward and backward pass, gradients included, parameters not."""
    return peak_bytes(
        module,
        loss_of(choices.micro_batch),
        choices.precision,
        choices.checkpointing,
        gradients_held=choices.accumulation > 1,
    )


def kept_bytes_of(optimizer: Optimizer, trained: Sequence[tuple[int, ...]], state_bytes: Mapping[str, float]) -> int:
    """Bytes of an optimizer's state for parameters of these shapes; ``state_bytes`` as in :func:`memory_of`."""
    if optimizer == "adafactor":
        return sum(_FLOAT * factored(shape) for shape in trained)
    return round(state_bytes[optimizer] * sum(map(prod, trained)))


def factored(shape: tuple[int, ...]) -> int:
    """Numbers that ``torch.optim.Adafactor`` keeps for a parameter: its second moment by rows and columns.

    Rows and columns are the last two dimensions, so a 3 x 3 convolution keeps two thirds of its numbers.

    >>> factored((640, 320)), factored((320,)), factored((8, 4, 3, 3))
    (960, 320, 192)
    """
    if len(shape) < 2:
        return prod(shape)
    return prod(shape[:-1]) + prod(shape[:-2]) * shape[-1]


def _passing(choices: Choices, trained: Sequence[tuple[int, ...]]) -> int:
    """Temporary bytes of the optimizer's step: the root of the second moment, of all parameters or of one.

    bitsandbytes' kernels, and Adafactor as we call it, update one parameter at a time.
    """
    passes = choices.passes if choices.optimizer == "adamw" else "apart"
    sizes = [prod(shape) * _FLOAT for shape in trained]
    return {"fused": 0, "together": sum(sizes), "apart": max(sizes, default=0)}[passes]
