"""Signals noted, so that a training can save and leave between two steps."""

from __future__ import annotations

import signal

INTERRUPTED = 75
"""Exit code after a signal: the state is saved, the same command goes on (``EX_TEMPFAIL``)."""


class Signals:
    """Notes SIGTERM (a cluster's time is up), SIGUSR1 (it will be) and SIGINT (a person's), while it is entered."""

    caught = 0

    def __enter__(self) -> Signals:
        self._old = {s: signal.signal(s, self._note) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: object) -> None:
        self.caught = number
