"""Long work beside the page: one job at a time, heard step by step, and stopped between two steps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from tgvac.progress import Heard, heard_by

T = TypeVar("T")

_EVERY_S = 0.25
"""How often a page is told of progress."""
STARTING, WAITING, STOPPING = (Heard(label, 0, 0) for label in ("starting", "waiting", "stopping"))


class Stopped(Exception):
    """The visitor stopped the job."""


class Job(Generic[T]):
    """One job; :class:`Jobs` makes it."""

    def __init__(self, work: Callable[[], T], turn: threading.Lock) -> None:
        self._work, self._turn = work, turn
        self._heard: SimpleQueue[Heard] = SimpleQueue()
        self._stop, self._begun = threading.Event(), threading.Event()
        self._result: Future[T] = Future()
        self.left = False
        self._thread = threading.Thread(target=self._run, name="tgvac-app-job", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    @property
    def waiting(self) -> bool:
        """Whether it is still to have its turn, and will take it."""
        return self.running and not self._begun.is_set() and not self._stop.is_set()

    def stop(self) -> None:
        """End the job at its next step."""
        self._stop.set()

    def heard(self) -> Iterator[Heard]:
        """What is being done, as it goes on, a few times a second."""
        latest = told = STARTING
        due = 0.0
        while self.running or not self._heard.empty():
            with suppress(Empty):
                latest = self._heard.get(timeout=_EVERY_S)
            if self._stop.is_set():
                latest = STOPPING
            if latest is not told and time.monotonic() >= due:
                yield latest
                told, due = latest, time.monotonic() + _EVERY_S

    def result(self) -> T:
        """What the finished job gave.

        Raises:
            Stopped: if it was stopped.
            BaseException: whatever ended it.
        """
        self._thread.join()
        return self._result.result()

    def _listen(self, heard: Heard) -> None:
        if self._stop.is_set():
            raise Stopped
        self._heard.put(heard)

    def _run(self) -> None:
        try:
            while not self._turn.acquire(timeout=_EVERY_S):
                self._listen(WAITING)
            self._begun.set()
            try:
                if self._stop.is_set():
                    raise Stopped
                with heard_by(self._listen):
                    self._result.set_result(self._work())
            finally:
                self._turn.release()
        except BaseException as error:
            self._result.set_exception(error)


class Jobs:
    """Jobs of all visitors, of which one runs at a time; a visitor has one at most.

    A job that runs goes on when its visitor leaves, so that a phone may sleep; but not when another visitor waits.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        # The page's events come in several threads.
        self._editing = threading.Lock()
        self._of: dict[str, Job] = {}

    def start(self, visitor: str, work: Callable[[], T]) -> Job[T]:
        """Start a job in place of the visitor's earlier one, or let it wait for its turn."""
        with self._editing:
            for name, job in self._of.items():
                if job.left or name == visitor:
                    job.stop()
            self._of = {name: job for name, job in self._of.items() if job.running}
            self._of[visitor] = job = Job(work, self._turn)
            return job

    def stop(self, visitor: str) -> None:
        """End the visitor's job at its next step."""
        with self._editing:
            if (job := self._of.get(visitor)) is not None:
                job.stop()

    def leave(self, visitor: str) -> None:
        """The visitor has closed the page."""
        with self._editing:
            if (job := self._of.get(visitor)) is None:
                return
            job.left = True
            # A job that waits itself is of no use to anyone any more.
            if any(each.waiting for each in self._of.values()):
                job.stop()
