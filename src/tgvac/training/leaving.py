"""How the processes of a training agree to leave after a signal, and what is left for later then."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import torch

from tgvac.training.signals import INTERRUPTED, Signals

if TYPE_CHECKING:
    from accelerate import Accelerator


def agreed(accelerator: Accelerator, caught: int, owed: bool = False) -> tuple[int, bool]:
    """The signal that any of the processes has caught, or 0, and whether any owes a look: they leave together."""
    if accelerator.num_processes == 1:
        return caught, owed
    found: torch.Tensor = accelerator.gather(torch.tensor([[caught, int(owed)]], device=accelerator.device))
    return int(found[:, 0].max()), bool(found[:, 1].max())


def looked(accelerator: Accelerator, signals: Signals, look: Callable[[], bool]) -> tuple[int, bool]:
    """Look, which the main process does; the signal that any has caught, and whether the look is still owed.

    Args:
        look: returns whether it was made to its end.
    """
    owed = accelerator.is_main_process and not look()
    return agreed(accelerator, signals.caught, owed)


def leave(name: str, accelerator: Accelerator, caught: int, step: int) -> NoReturn:
    """End the process after a signal, once all is saved.

    Raises:
        SystemExit: with ``INTERRUPTED``.
    """
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        print(f"{name}: stopped by signal {caught} at step {step}; saved", file=sys.stderr)
    raise SystemExit(INTERRUPTED)
