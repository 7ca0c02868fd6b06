"""Stopping a training by a signal: all processes agree on the step, the state is saved, and they exit."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from tgvac.errors import wording

if TYPE_CHECKING:
    from accelerate import Accelerator

INTERRUPTED = 75
"""Exit code after a signal (``EX_TEMPFAIL``): the state is saved, and the same command resumes."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
"""Sent by a cluster when the time is up, by Ctrl-C, and by a cluster before the time is up."""

NOTICE = signal.SIGUSR1
"""The signal that a cluster is asked to send some time before the time is up."""


class Interrupted(SystemExit):
    """The end of a process that a signal has stopped, with the exit code ``INTERRUPTED``.

    Attributes:
        signal: its number.
        step: after which a training has stopped; None for other stages.
    """

    def __init__(self, number: int, step: int | None = None) -> None:
        super().__init__(INTERRUPTED)
        self.signal, self.step = number, step


class _Aborted(BaseException):
    """Raised by a signal in work that can be repeated; a ``BaseException``, so ``except Exception`` ignores it."""


class Signals:
    """A context that records the signals that stop a training.

    Attributes:
        caught: the number of the last signal; 0 if there was none.
    """

    caught = 0
    _abortable = False

    def __enter__(self) -> Signals:
        self._old = {number: signal.signal(number, self._catch) for number in SIGNALS}
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _catch(self, number: int, frame: object) -> None:
        self.caught = number
        if self._abortable:
            # Raise only once: a second signal must not interrupt the clean-up after the first.
            self._abortable = False
            raise _Aborted

    def completes(self, work: Callable[[], None]) -> bool:
        """Do work that can be repeated; False if a signal came before it or interrupted it."""
        try:
            try:
                self._abortable = True
                if self.caught:
                    return False
                work()
            finally:
                self._abortable = False
        except _Aborted:
            return False
        return True


def agree_on_signal(accelerator: Accelerator, caught: int) -> int:
    """The signal that any process has caught, or 0. All processes get the same answer and stop at the same step."""
    return agree(accelerator, caught, False)[0]


def agree(accelerator: Accelerator, caught: int, pending: bool) -> tuple[int, bool]:
    """The largest signal of all processes, and whether any process has something pending."""
    if accelerator.num_processes == 1:
        return caught, pending
    import torch

    found: torch.Tensor = accelerator.gather(torch.tensor([[caught, int(pending)]], device=accelerator.device))
    return int(found[:, 0].max()), bool(found[:, 1].max())


def exit_interrupted(name: str, accelerator: Accelerator, caught: int, step: int) -> NoReturn:
    """Exit after a signal, once the state is saved.

    Raises:
        Interrupted: always.
    """
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        print(_stopped(name, caught, step), file=sys.stderr)
    raise Interrupted(caught, step)


@wording
def _stopped(name: str, caught: int, step: int) -> str:
    return f"{name}: stopped by signal {caught} at step {step}; saved"
