"""CPU-hours of phases, where somebody measured them: this scale's own jobs, or the project's committed measurements.

Snakemake keeps what each job took (``benchmarks/<scale>/<phase>/*.tsv``). Where a scale has not been run, a phase goes
by a figure of ``benchmarks/results/<name>.reference.json``, and grows with its frames.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from tgvac.config import Block, parse
from tgvac.errors import BadInput
from tgvac.params import Params
from tgvac.planning.counts import Counts
from tgvac.planning.work import HOUR, CpuTime

_UNSAMPLED = ("NA", "-")
"""Snakemake's, of a job that ended before it looked."""


class _Figure(Block):
    """A figure as ``benchmarks/figures.py`` writes it."""

    what: str
    value: float = Field(gt=0)
    unit: str
    bar: str | None
    holds: bool | None


class _Results(Block):
    """A file of ``benchmarks/results/``."""

    commit: str
    cpu: str
    date: str
    measured: tuple[_Figure, ...]


@dataclass(frozen=True)
class _Rate:
    """The figure that a phase goes by.

    Attributes:
        name, what: of the file, and in it; frames a second of processor time.
        seen: what it was measured on.
        lacks: what of the phase it does not have, so that its hours are a lower bound.
    """

    name: str
    what: str
    seen: str
    lacks: str = ""


def _rates(world: bool) -> dict[str, _Rate]:
    """Of the phases that have one.

    Args:
        world: whether all footage is the procedural world's, whose JPEGs hold half as many bytes as real ones.
    """
    small = "854 x 480 pixels of the world, brought to 456 x 256"
    clips = ("data", "the world's tracks") if world else ("data-davis", "DAVIS' tracks")
    decoding = "" if world else "what larger frames and real JPEGs take to decode"
    return {
        "tracks": _Rate("stages", "tracks, one core", small, decoding),
        "select": _Rate("joins", "select, one core", "as many objects as the paper has, without pixels"),
        # No pictures are read, so those of the world tell of real footage, too.
        "synthesis": _Rate("stages", "synthesis, one core", f"{small}; attempts differ"),
        "latents": _Rate(
            clips[0], "rendering, one core", f"{clips[1]} of 456 x 256, framed to 256 x 256", "encoding and pairs"
        ),
    }


def cpu_time(root: Path, phase: str, jobs: Sequence[str], params: Params, counts: Counts) -> CpuTime | None:
    """What a phase takes of one core, or None where nothing was measured.

    Args:
        jobs: the tables of the scale's own jobs, below the project's folder, where the phase is finished and its data
            are those that are planned; else none.

    Raises:
        BadInput: when a file of measurements is not what it should be.
    """
    return _of_jobs(root, jobs) or _of_reference(root, phase, params, counts)


def _of_jobs(root: Path, jobs: Sequence[str]) -> CpuTime | None:
    """The sum over a phase's jobs; None unless each has left its table, and some were long enough to be looked at.

    Tables of other jobs may lie beside them, as of a method that the params have no more.
    """
    tables = [root / job for job in jobs]
    if not all(path.is_file() for path in tables):
        return None
    seconds = sum(_sampled(path) for path in tables)
    if not seconds:
        return None
    # A job that found its items done leaves a table like any other.
    source = "each job's last run, without what earlier ones had done already, as Snakemake sampled it"
    return CpuTime(seconds / HOUR, True, f"{source} ({Path(jobs[0]).parent.as_posix()}/)")


def _sampled(path: Path) -> float:
    """Seconds of processor time of a job."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            (row,) = csv.DictReader(stream, delimiter="\t")
        return 0.0 if row["cpu_time"] in _UNSAMPLED else float(row["cpu_time"])
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(
            f"{path} is no table of one job with a column 'cpu_time'; delete it, and the plan goes without."
        ) from None


def _of_reference(root: Path, phase: str, params: Params, counts: Counts) -> CpuTime | None:
    """By the committed figure, times the frames of the phase."""
    world = all(each.source.startswith("world") for each in counts.footage)
    rate = _rates(world).get(phase)
    # Without a cache the phase lists what there is, and trainings render.
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
    lacks = f"at least, without {rate.lacks}: " if rate.lacks else ""
    seen = f"'{rate.what}', measured on {rate.seen} ({results.cpu})"
    return CpuTime(hours, False, f"{lacks}{path.as_posix()}, {seen}; grows with frames", bool(rate.lacks))


def _read(path: Path) -> _Results:
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} is not valid JSON ({error}); restore it from the repository.") from None
    if not isinstance(tree, dict):
        raise BadInput(f"{path} holds a {type(tree).__name__}, no measurements; restore it from the repository.")
    return parse(_Results, tree, str(path))


def _frames(phase: str, params: Params, counts: Counts) -> int:
    """How many frames a phase goes through."""
    if phase in ("tracks", "select"):
        return counts.frames
    recipes = counts.recipes if phase == "synthesis" else counts.split(*params.latents.splits)
    return sum(recipe.frames for recipe in recipes)
