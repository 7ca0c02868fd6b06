"""How fast a training is: seconds, samples, waiting, utilisation and memory, between one event and the next.

Noted in a file of its own beside the checkpoints, a line an event: true of this run on this machine alone, so it
stands in no index, decides nothing, and is shown along with the curves.
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

# What getrusage counts in: kibibytes on Linux, bytes on macOS.
_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Work:
    """What a step computes, and what its devices can.

    Attributes:
        flops: of the model, forward and backward, all rows of the batch.
        rate: FLOPs a second of all devices that share the batch.
    """

    flops: float
    rate: float


class Speed:
    """Measures the steps of one training.

    Args:
        file: where the lines go.
        start: the step that the run goes on from.
        batch: samples a step, over all processes.
        device: type of the device.
        work: what a step computes and what the devices can; None: not known, and no utilisation is told.
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
        """Around what a step waits for: its input."""
        began = time.perf_counter()
        yield
        self._waited += time.perf_counter() - began

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Around forward pass, backward pass and optimizer; what is waited for within is left out."""
        began, waited = time.perf_counter(), self._waited
        yield
        self._computed += time.perf_counter() - began - (self._waited - waited)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Around what is no part of a step: pictures and saving."""
        began = time.perf_counter()
        yield
        self._paused += time.perf_counter() - began

    def note(self, step: int) -> None:
        """Write the line of an event, and begin anew."""
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
        """The most that was held so far: on the GPU, or of the process."""
        if self._cuda:
            return int(torch.cuda.max_memory_allocated())
        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * _UNIT
