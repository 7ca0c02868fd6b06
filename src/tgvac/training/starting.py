"""Whether the processes of a training begin at the same step: each reads its checkpoint by itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tgvac.errors import BadInput

if TYPE_CHECKING:
    from accelerate import Accelerator


def check_starts(name: str, accelerator: Accelerator, step: int, owed: bool, state: Path) -> None:
    """Refuse processes that begin at different steps, as when one cannot read what the others can; all refuse.

    Args:
        owed: whether a look at that step is owed.
        state: the folder of checkpoints, for the message.

    Raises:
        BadInput: with the step of each process.
    """
    if accelerator.num_processes == 1:
        return
    found: torch.Tensor = accelerator.gather(torch.tensor([[step, int(owed)]], device=accelerator.device))
    starts = [(int(begins), bool(owes)) for begins, owes in found.tolist()]
    if len(set(starts)) > 1:
        said = ", ".join(f"{begins}{' (a look is owed)' * owes}" for begins, owes in starts)
        raise BadInput(
            f"{name}: its {len(starts)} processes begin at different steps, in order {said}; give all of them the same"
            f" checkpoints to read in {state} (the lines above say which were passed over), and start again."
        )
