"""Signals noted, so that a training can save and leave between two steps."""

from __future__ import annotations

import signal
from collections.abc import Callable

INTERRUPTED = 75
"""Exit code after a signal: the state is saved, the same command goes on (``EX_TEMPFAIL``)."""


class _BrokenOff(BaseException):
    """Raised by a signal within what can wait; no ``except Exception`` on the way keeps it."""


class Signals:
    """Notes SIGTERM (a cluster's time is up), SIGUSR1 (it will be) and SIGINT (a person's), while it is entered."""

    caught = 0
    _breaks = False

    def __enter__(self) -> Signals:
        self._old = {s: signal.signal(s, self._note) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: object) -> None:
        self.caught = number
        if self._breaks:
            # Once: a second signal is not to break off what clears up after the first.
            self._breaks = False
            raise _BrokenOff

    def done_in_peace(self, work: Callable[[], None]) -> bool:
        """Whether some work that can wait was done; it isn't begun after a signal, and a signal breaks it off."""
        try:
            try:
                self._breaks = True
                if self.caught:
                    return False
                work()
            finally:
                self._breaks = False
        except _BrokenOff:
            return False
        return True
