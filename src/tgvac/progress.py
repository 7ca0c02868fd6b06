"""Progress of a stage: done/total, rate and time left. One updated line on a terminal, plain lines in a log.

Another listener, such as a page, hears the same (:func:`heard_by`).
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")

_LINE_EVERY_S = 5.0
_RATE_FROM_S = 1.0
"""Of less time no rate is said."""


@dataclass(frozen=True)
class Heard:
    """What a listener hears.

    Attributes:
        label: what is being done.
        done, total: steps.
        left: seconds, or None if that is not known yet.
    """

    label: str
    done: int
    total: int
    left: float | None = None


_LISTENER: ContextVar[Callable[[Heard], None] | None] = ContextVar("listener", default=None)


@contextlib.contextmanager
def heard_by(listener: Callable[[Heard], None]) -> Iterator[None]:
    """Tell a listener of each step in this thread; it stops the work by raising an exception."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def _tell(heard: Heard) -> None:
    if (listener := _LISTENER.get()) is not None:
        listener(heard)


class Progress:
    """Counts steps of a known total. Use it as a context manager.

    Args:
        label: what is being done, such as ``tracks shard 3``.
        total: how many steps there are.
        start: how many were done before this process; the rate leaves them out.
        silent: print nothing, as in all but the first of the processes that share a training.
    """

    def __init__(self, label: str, total: int, start: int = 0, silent: bool = False) -> None:
        self._label, self._total, self._done, self._first = label, total, start, start
        self._silent = silent
        self._began = self._printed = time.monotonic()
        self._tty = sys.stderr.isatty()
        self._wrote = False

    def __enter__(self) -> Progress:
        self._began = self._printed = time.monotonic()
        _tell(Heard(self._label, self._done, self._total))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._print(final=True)

    def expect(self, more: int, done: int = 0) -> None:
        """Add further steps, some of which may have been done before this process."""
        self._total += more
        self._done += done
        self._first += done

    def step(self, note: str = "", by: int = 1) -> None:
        """Count a step and print it; in a log, at most every few seconds."""
        self._done += by
        _tell(Heard(self._label, self._done, self._total, self._left()))
        now = time.monotonic()
        if self._tty or now - self._printed >= _LINE_EVERY_S:
            self._printed = now
            self._print(note)

    def _left(self) -> float | None:
        """Seconds left at the rate until now; None before the first step."""
        done = self._done - self._first
        elapsed = max(time.monotonic() - self._began, 1e-6)
        return (self._total - self._done) * elapsed / done if done > 0 else None

    def _print(self, note: str = "", final: bool = False) -> None:
        if self._silent:
            return
        elapsed = max(time.monotonic() - self._began, 1e-6)
        # What was done before is stepped over in no time.
        rate = f", {(self._done - self._first) / elapsed:.2f}/s" if elapsed >= _RATE_FROM_S else ""
        left = self._left()
        eta = "" if final or left is None else f", {clock(left)} left"
        line = f"{self._label}: {self._done}/{self._total}{rate}, {clock(elapsed)}{eta}"
        line = f"{line}; {note}" if note else line
        if self._tty:
            sys.stderr.write(f"\r\x1b[K{line}" + ("\n" if final else ""))
        else:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()


def with_progress(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    """Iterate with progress."""
    with Progress(label, total) as progress:
        for item in items:
            yield item
            progress.step()


def clock(seconds: float) -> str:
    """A duration as ``m:ss`` or ``h:mm:ss``."""
    seconds = int(seconds)
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
