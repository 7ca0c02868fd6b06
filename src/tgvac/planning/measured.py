"""CPU-hours of phases: measured in this scale's own jobs, or estimated from the project's committed measurements.

Snakemake records the time of each job (``benchmarks/<scale>/<phase>/*.tsv``). If a scale has not been run, the hours of
a phase are its frames divided by a rate of ``benchmarks/results/<name>.reference.json``.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from tgvac.config import Record, parse
from tgvac.errors import BadInput
from tgvac.params import Params
from tgvac.planning.counts import Counts
from tgvac.planning.work import HOUR, CpuTime

_UNSAMPLED = ("NA", "-")
"""What Snakemake writes for a job that ended before its first sample."""


class _Figure(Record):
    """A figure as ``benchmarks/figures.py`` writes it."""

    what: str
    value: float = Field(gt=0)
    unit: str
    bar: str | None
    holds: bool | None


class _Results(Record):
    """A file of ``benchmarks/results/``."""

    commit: str
    cpu: str
    date: str
    measured: tuple[_Figure, ...]


@dataclass(frozen=True)
class _Rate:
    """The measured rate of a phase, in frames per second of processor time.

    Attributes:
        name, what: the file, and the figure in it.
        seen: what it was measured on.
        lacks: work of the phase that it does not include, so that the hours are a lower bound.
    """

    name: str
    what: str
    seen: str
    lacks: str = ""


def _rates(world: bool) -> dict[str, _Rate]:
    """The rates of the phases that have one.

    Args:
        world: whether all footage is of the procedural world, whose JPEGs have half as many bytes as real ones.
    """
    small = "854 x 480 pixels of the world, resized to 456 x 256"
    clips = ("data", "the world's tracks") if world else ("data-davis", "DAVIS' tracks")
    decoding = "" if world else "decoding larger frames and real JPEGs"
    return {
        "tracks": _Rate("stages", "tracks, one core", small, decoding),
        "select": _Rate("joins", "select, one core", "as many objects as the paper has, without pixels"),
        # It reads no images, so the rate on the world holds for real footage, too.
        "synthesis": _Rate("stages", "synthesis, one core", f"{small}; attempts differ"),
        "latents": _Rate(
            clips[0], "rendering, one core", f"{clips[1]} of 456 x 256, framed to 256 x 256", "encoding and pairs"
        ),
    }


def cpu_time(root: Path, phase: str, jobs: Sequence[str], params: Params, counts: Counts) -> CpuTime | None:
    """Hours of one core that a phase takes, or None if nothing was measured.

    Args:
        jobs: the benchmark files of the scale's own jobs, below the project's folder, if the phase is finished and the
            plan is for the same data; else none.

    Raises:
        BadInput: when a file of measurements is damaged.
    """
    return _of_jobs(root, jobs) or _of_reference(root, phase, params, counts)


def _of_jobs(root: Path, jobs: Sequence[str]) -> CpuTime | None:
    """The sum over a phase's jobs; None unless all have left a file, and some were long enough to be sampled.

    Files of other jobs beside them are ignored, such as those of a method that was removed from the params.
    """
    tables = [root / job for job in jobs]
    if not all(path.is_file() for path in tables):
        return None
    seconds = sum(_sampled(path) for path in tables)
    if not seconds:
        return None
    # A job whose items were done already leaves a file, too.
    source = "last run of each job as sampled by Snakemake, without items that were done before"
    return CpuTime(seconds / HOUR, True, f"{source} ({Path(jobs[0]).parent.as_posix()}/)")


def _sampled(path: Path) -> float:
    """Processor time of a job in seconds."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            (row,) = csv.DictReader(stream, delimiter="\t")
        return 0.0 if row["cpu_time"] in _UNSAMPLED else float(row["cpu_time"])
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(
            f"{path} is not a table of one row with a column 'cpu_time'; delete it, and the plan leaves it out."
        ) from None


def _of_reference(root: Path, phase: str, params: Params, counts: Counts) -> CpuTime | None:
    """The frames of the phase by the committed rate."""
    world = all(each.source.startswith("world") for each in counts.footage)
    rate = _rates(world).get(phase)
    # Without a cache the phase only lists the clips, and trainings render them.
    if rate is None or (phase == "latents" and not params.latents.cache):
        return None
    path = Path("benchmarks") / "results" / f"{rate.name}.reference.json"
    if not (root / path).is_file():
        return None
    results = _read(root / path)
    value = next((f.value for f in results.measured if f.what == rate.what), None)
    if value is None:
        raise BadInput(f"{root / path} has no figure '{rate.what}'; restore it from the repository.")
    hours = _frames(phase, params, counts) / value / HOUR
    lacks = f"a lower bound, without {rate.lacks}: " if rate.lacks else ""
    seen = f"'{rate.what}', measured on {rate.seen} ({results.cpu})"
    return CpuTime(hours, False, f"{lacks}{path.as_posix()}, {seen}; proportional to frames", bool(rate.lacks))


def _read(path: Path) -> _Results:
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} is not valid JSON ({error}); restore it from the repository.") from None
    if not isinstance(tree, dict):
        raise BadInput(f"{path} holds a {type(tree).__name__}, not measurements; restore it from the repository.")
    return parse(_Results, tree, str(path))


def _frames(phase: str, params: Params, counts: Counts) -> int:
    """Number of frames that a phase processes."""
    if phase in ("tracks", "select"):
        return counts.frames
    recipes = counts.recipes if phase == "synthesis" else counts.split(*params.latents.splits)
    return sum(recipe.frames for recipe in recipes)
