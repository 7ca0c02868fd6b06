"""Device, precision and division of the batch. These change speed and memory, and results only in the last bits.

A step always has the batch of the params. It is divided among processes, and each process's share into micro-batches,
whose gradients are added up. Equal bits are promised only for one process that computes its whole batch at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tgvac.errors import BadInput

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import nn

Precision = Literal["float32", "bfloat16", "float16"]
_ACCELERATE = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}


@dataclass(frozen=True)
class Execution:
    """The execution of one training.

    Attributes:
        device: type of the device, ``cpu`` or ``cuda``.
        precision: of the forward pass; weights, gradients, optimizer and average are always float32.
        micro_batch: samples that a process computes at once; 0 for its whole share.
        checkpointing: keep only the inputs of blocks for the backward pass, and compute the blocks again.
    """

    device: str = "cpu"
    precision: Precision = "float32"
    micro_batch: int = 0
    checkpointing: bool = False

    def accelerator(self) -> Accelerator:
        """The accelerator of the process group, which the environment describes (RANK, WORLD_SIZE).

        Raises:
            BadInput: when the device does not support the precision, or this process already uses another device.
        """
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState

        if self.precision == "float16" and self.device == "cpu":
            raise BadInput("The precision float16 needs a GPU; on a CPU use float32 or bfloat16.")
        wanted = _ACCELERATE[self.precision]
        # All accelerators of a process share one precision, but its trainings may differ in it. Resetting this state
        # keeps the process group and its devices.
        if AcceleratorState._shared_state and AcceleratorState().mixed_precision != wanted:
            AcceleratorState._reset_state()
        accelerator = Accelerator(cpu=self.device == "cpu", mixed_precision=wanted)
        if accelerator.device.type != self.device:
            raise BadInput(
                f"The training needs the device '{self.device}', but this process already uses"
                f" '{accelerator.device.type}'; use that device, or start another process."
            )
        return accelerator

    def choose_attention(self, module: nn.Module) -> None:
        """Give a network's attention layers the fastest code for this device and precision, in place.

        On a CPU, torch's fused attention is slow backwards in bfloat16: it took 43 % of a step of the small networks.
        Plain products of matrices and a softmax are faster (docs/training-measurements.md).
        """
        from diffusers.models.attention_processor import Attention, AttnProcessor, AttnProcessor2_0

        if (self.device, self.precision) != ("cpu", "bfloat16"):
            return
        for layer in module.modules():
            if isinstance(layer, Attention) and isinstance(layer.processor, AttnProcessor2_0):
                layer.set_processor(AttnProcessor())

    def shares(self, batch: int, processes: int, rank: int) -> list[range]:
        """The rows of a step's batch that a process computes, one range per micro-batch.

        Raises:
            BadInput: when the batch cannot be divided evenly.
        """
        if batch % processes:
            raise BadInput(
                f"A batch of {batch} cannot be divided among {processes} processes; choose a number that divides it."
            )
        share = batch // processes
        size = self.micro_batch or share
        if share % size:
            raise BadInput(
                f"A process's share of the batch, {share} samples, is not a multiple of the micro-batch of {size};"
                " choose a micro-batch that divides it."
            )
        first = rank * share
        return [range(at, at + size) for at in range(first, first + share, size)]
