"""Where and how a training computes; changes speed and memory, and what it computes only in the last bits.

The batch of the params is the batch of a step, whatever the placement: it is divided among processes, and each
process's share into micro-batches, whose gradients are added up. One process with its whole share at once is what
is promised to be equal to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tgvac.errors import BadInput

if TYPE_CHECKING:
    from accelerate import Accelerator

Precision = Literal["float32", "bfloat16", "float16"]
_ACCELERATE = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}


@dataclass(frozen=True)
class Placement:
    """One training's.

    Attributes:
        device: type of the device, ``cpu`` or ``cuda``.
        precision: of the forward pass; weights, gradients, optimizer and average are float32 always.
        micro_batch: samples that a process computes at once; 0: its whole share.
        checkpointing: keep block inputs alone for the backward pass, and compute the blocks again.
    """

    device: str = "cpu"
    precision: Precision = "float32"
    micro_batch: int = 0
    checkpointing: bool = False

    def accelerator(self) -> Accelerator:
        """The process group's, as the environment of the process says (RANK, WORLD_SIZE).

        Raises:
            BadInput: when the device has no such precision, or this process computes elsewhere already.
        """
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState

        if self.precision == "float16" and self.device == "cpu":
            raise BadInput("precision float16 needs a GPU; on a CPU take float32 or bfloat16.")
        wanted = _ACCELERATE[self.precision]
        # Accelerators of a process share the precision of the first; trainings after one another may differ in it.
        # The group of processes and its devices are another state, which stays.
        if AcceleratorState._shared_state and AcceleratorState().mixed_precision != wanted:
            AcceleratorState._reset_state()
        accelerator = Accelerator(cpu=self.device == "cpu", mixed_precision=wanted)
        if accelerator.device.type != self.device:
            raise BadInput(
                f"A training on '{self.device}' was asked for, but this process computes on"
                f" '{accelerator.device.type}'; give that device, or start another process."
            )
        return accelerator

    def shares(self, batch: int, processes: int, rank: int) -> list[range]:
        """The rows of a step's batch that a process computes, a range a micro-batch.

        Raises:
            BadInput: when the batch cannot be divided evenly.
        """
        if batch % processes:
            raise BadInput(f"A batch of {batch} cannot be divided among {processes} processes; make one a multiple.")
        share = batch // processes
        size = self.micro_batch or share
        if share % size:
            raise BadInput(
                f"A process's share of the batch, {share} samples, is no multiple of the micro-batch of {size};"
                " choose one that divides it."
            )
        first = rank * share
        return [range(at, at + size) for at in range(first, first + share, size)]
