"""Lines of a plan: an amount of one kind of work of a phase."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tgvac.planning.reference import Gpu

HOUR = 3600


@dataclass(frozen=True)
class Work:
    """One line.

    Attributes:
        phase: a phase of the workflow.
        what: the kind of work: a variant of a training, a method, a network.
        count, unit: the amount, such as 500,000 steps.
        flops: FLOPs of its networks in total.
        bytes: bytes on disk in ``results/``, or None if unknown.
        scratch: bytes on disk in ``scratch/``, while it runs.
        note: a note for the reader.
        precision: the precision of its networks.
        evaluations: how often a frame goes through a UNet in completion.
    """

    phase: str
    what: str
    count: int
    unit: str
    flops: int = 0
    bytes: int | None = 0
    scratch: int = 0
    note: str = ""
    precision: str = "float32"
    evaluations: int = 0


@dataclass(frozen=True)
class CpuTime:
    """Hours of one core.

    Attributes:
        own: whether they were measured in the scale's own jobs.
        source: where they are from, as text for people.
        least: whether they are a lower bound.
    """

    hours: float
    own: bool
    source: str
    least: bool = False


@dataclass(frozen=True)
class PhaseCost:
    """A phase's lines and its jobs.

    Attributes:
        cpu: its processor time, if it was measured.
        on_disk: bytes of its folder on disk, if the phase has been run.
    """

    phase: str
    lines: tuple[Work, ...]
    jobs: int
    on_disk: int | None = None
    cpu: CpuTime | None = None

    @property
    def flops(self) -> int:
        return sum(line.flops for line in self.lines)

    @property
    def bytes(self) -> int:
        """Estimated bytes on disk; unknown lines count as 0."""
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
        precision: a precision of the params.
        utilisation: in (0, 1].
    """
    return flops / (gpu.tflops.of(precision) * 1e12 * utilisation) / HOUR


def hours_of(lines: Iterable[Work], gpu: Gpu, utilisation: float) -> float:
    """Hours of one GPU for some lines, each in its own precision."""
    return sum(gpu_hours(line.flops, gpu, line.precision, utilisation) for line in lines)


def total(phases: Sequence[PhaseCost]) -> int:
    """FLOPs of all phases."""
    return sum(each.flops for each in phases)
