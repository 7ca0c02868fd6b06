"""What training needs of a GPU's memory, by the choices that decide it.

Parameters, the optimizer's state and the average are there all the time. Beside them a step needs the most of: what is
alive in its forward and backward pass, gradients among it; and gradients with what the optimizer's step passes through.
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
"""Bytes of a parameter, of its gradient and of its average: autocast casts copies."""


@dataclass(frozen=True)
class Choices:
    """How a network is trained.

    Attributes:
        batch: samples of a step.
        accumulation: parts of a step that go through the network one after the other.
        checkpointing: activations are computed again where the network's own checkpoints are.
        ema: whether an average of what is trained is kept.
        precision: of products and convolutions; ``bfloat16`` is autocast's.
        passes: how ``adamw``'s step goes through memory: in one pass (``fused``), which writes nothing beside; an
            operation at a time, on all parameters ``together``, as torch's does on a GPU, or on each one ``apart``.
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
            raise ValueError(f"a batch of {self.batch} cannot go through in {self.accumulation} parts")

    @property
    def micro_batch(self) -> int:
        """Samples that are in the network at once."""
        return -(-self.batch // self.accumulation)


@dataclass(frozen=True)
class Memory:
    """Bytes of one training.

    Attributes:
        parameters: of the network, and of frozen ones beside it.
        activations: what a step needs at most beside gradients.
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
    """Walk one training step on ``meta`` and add up.

    Args:
        loss_of: the loss of a step of so many samples.
        state_bytes: of an optimizer, by name, for a number that is trained; ``adafactor``'s goes by shapes.
        beside: frozen networks on the same GPU.
        peaks: what :func:`walked_peak` finds, where it is known already.
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
    """The most bytes alive in a forward and backward pass beside parameters, gradients among them."""
    return peak_bytes(
        module,
        loss_of(choices.micro_batch),
        choices.precision,
        choices.checkpointing,
        gradients_held=choices.accumulation > 1,
    )


def kept_bytes_of(optimizer: Optimizer, trained: Sequence[tuple[int, ...]], state_bytes: Mapping[str, float]) -> int:
    """Bytes that an optimizer keeps of parameters of these shapes; ``state_bytes`` as in :func:`memory_of`."""
    if optimizer == "adafactor":
        return sum(_FLOAT * factored(shape) for shape in trained)
    return round(state_bytes[optimizer] * sum(map(prod, trained)))


def factored(shape: tuple[int, ...]) -> int:
    """Numbers that ``torch.optim.Adafactor`` keeps of a parameter: its second moment by rows and columns.

    Rows and columns are the last two dimensions, so that of a convolution of 3 x 3 two thirds remain.

    >>> factored((640, 320)), factored((320,)), factored((8, 4, 3, 3))
    (960, 320, 192)
    """
    if len(shape) < 2:
        return prod(shape)
    return prod(shape[:-1]) + prod(shape[:-2]) * shape[-1]


def _passing(choices: Choices, trained: Sequence[tuple[int, ...]]) -> int:
    """Bytes that the optimizer's step needs for a while: the root of the second moment, of all parameters or of one.

    bitsandbytes' kernels, and Adafactor as trainings here have it, take one parameter at a time.
    """
    passes = choices.passes if choices.optimizer == "adamw" else "apart"
    sizes = [prod(shape) * _FLOAT for shape in trained]
    return {"fused": 0, "together": sum(sizes), "apart": max(sizes, default=0)}[passes]
