"""The speed of a training between two events: seconds, samples, waiting, utilisation and memory.

It is written to a file beside the checkpoints, one line per event. It is true only of this run on this machine, so the
file is in no index and no result depends on it. The report shows it with the curves.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from tgvac.training.events import append_event, drop_events_after

# The unit of getrusage: kibibytes on Linux, bytes on macOS.
_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Work:
    """The FLOPs of a step and the rate of its devices.

    Attributes:
        flops: of the model, forward and backward, for all rows of the batch.
        rate: measured FLOPs per second of all devices that share the batch.
    """

    flops: float
    rate: float


class Speed:
    """Measures the steps of one training.

    Args:
        file: where the lines are written.
        start: the step that the run resumes from.
        batch: samples per step, over all processes.
        device: type of the device.
        work: for the utilisation; None writes none.
    """

    def __init__(self, file: Path, start: int, batch: int, device: str, work: Work | None = None) -> None:
        self._file, self._noted, self._batch, self._cuda = file, start, batch, device == "cuda"
        self._work = work
        drop_events_after(file, start)
        self._begin()

    def _begin(self) -> None:
        self._waited = self._paused = self._computed = 0.0
        self._since = time.perf_counter()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Time in which a step waits for its input."""
        began = time.perf_counter()
        yield
        self._waited += time.perf_counter() - began

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Time for forward pass, backward pass and optimizer, without the waiting inside it."""
        began, waited = time.perf_counter(), self._waited
        yield
        self._computed += time.perf_counter() - began - (self._waited - waited)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Time for pictures and saving, which are no part of a step."""
        began = time.perf_counter()
        yield
        self._paused += time.perf_counter() - began

    def note(self, step: int) -> None:
        """Write the line of an event, and start the next measurement."""
        seconds = time.perf_counter() - self._since - self._paused
        steps = step - self._noted
        line = {
            "step": step,
            "seconds_a_step": seconds / steps,
            "samples_a_second": self._batch * steps / seconds,
            "waiting_share": self._waited / seconds,
            "outside_share": 1 - self._computed / seconds,
            "memory_bytes": self._memory(),
        }
        if self._work is not None:
            rate = self._work.flops * steps / seconds
            line |= {"model_flops_a_second": rate, "model_flops_utilisation": rate / self._work.rate}
        append_event(self._file, line)
        self._noted = step
        self._begin()

    def _memory(self) -> int:
        """The peak memory so far in bytes, of the GPU or else of the process."""
        if self._cuda:
            return int(torch.cuda.max_memory_allocated())
        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * _UNIT
