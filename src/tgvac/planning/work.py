"""A line of a plan: so much of one kind of work of a phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tgvac.planning.reference import Gpu, Speeds

HOUR = 3600


@dataclass(frozen=True)
class Work:
    """One line.

    Attributes:
        phase: a phase of the workflow.
        what: of it, in words: a variant of a training, a method, a network.
        count, unit: how much, as 500,000 steps.
        flops: of all of it, in networks.
        bytes: on disk in ``results/``, or None where nothing says.
        scratch: bytes on disk in ``scratch/``, while it lasts.
        note: what a reader must know of it.
    """

    phase: str
    what: str
    count: int
    unit: str
    flops: int = 0
    bytes: int | None = 0
    scratch: int = 0
    note: str = ""


@dataclass(frozen=True)
class PhaseCost:
    """A phase's lines and its jobs.

    Attributes:
        on_disk: bytes that its folder really takes, where the phase has been run.
    """

    phase: str
    lines: tuple[Work, ...]
    jobs: int
    on_disk: int | None = None

    @property
    def flops(self) -> int:
        return sum(line.flops for line in self.lines)

    @property
    def bytes(self) -> int:
        """On disk as reckoned; lines of which nothing is known count as nothing."""
        return sum(line.bytes or 0 for line in self.lines)

    @property
    def scratch(self) -> int:
        return sum(line.scratch for line in self.lines)

    @property
    def unknown(self) -> bool:
        """Whether some line's bytes are not known."""
        return any(line.bytes is None for line in self.lines)


def gpu_hours(flops: int, gpu: Gpu, precision: str, utilisation: float) -> float:
    """Hours of one GPU at a share of its peak.

    Args:
        precision: a field of :class:`Speeds`.
        utilisation: in (0, 1].
    """
    if precision not in Speeds.model_fields:
        raise ValueError(f"precision '{precision}' is none of {sorted(Speeds.model_fields)}")
    peak: float = getattr(gpu.tflops, precision)
    return flops / (peak * 1e12 * utilisation) / HOUR


def total(phases: Sequence[PhaseCost]) -> int:
    """FLOPs of all phases."""
    return sum(each.flops for each in phases)
