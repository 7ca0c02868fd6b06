"""CPU-hours of phases, where somebody measured them: this scale's own jobs, or the project's committed measurements.

Snakemake keeps what each job took (``benchmarks/<scale>/<phase>/*.tsv``). Where a scale has not been run, a phase goes
by a figure of ``benchmarks/results/<name>.reference.json``, and grows with its frames.
"""

from __future__ import annotations

import csv
import json
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
        name, what: of the file, and in it.
        frames: how many the figure stands for, where it is seconds; 0 where it is frames a second.
        seen: what it was measured on.
        lacks: what of the phase it does not have.
    """

    name: str
    what: str
    frames: int
    seen: str
    lacks: str = ""

    def seconds(self, value: float) -> float:
        """Of a frame."""
        return value / self.frames if self.frames else 1 / value


def _rates(world: bool) -> dict[str, _Rate]:
    """Of the phases that have one.

    Args:
        world: whether all footage is the procedural world's, whose JPEGs hold half as many bytes as real ones.
    """
    small = "854 x 480 pixels of the world, brought to 456 x 256"
    clips = ("data", "the world's tracks") if world else ("data-davis", "DAVIS' tracks")
    return {
        "tracks": _Rate("stages", "tracks, one core", 0, small),
        # As many objects as Table 1 has, of as many frames as benchmarks/joins.py gives each.
        "select": _Rate("joins", "select, all objects", 1400 * 126, "1,400 objects of 126 frames without pixels"),
        "synthesis": _Rate("stages", "synthesis, one core", 0, f"{small}; attempts differ"),
        "latents": _Rate(
            clips[0], "rendering, one core", 0, f"{clips[1]} of 456 x 256, framed to 256 x 256", "encoding and pairs"
        ),
    }


def cpu_time(root: Path, scale: str, phase: str, jobs: int | None, params: Params, counts: Counts) -> CpuTime | None:
    """What a phase takes of one core, or None where nothing was measured.

    Args:
        jobs: of the phase, where it is finished and its data are those that are planned.

    Raises:
        BadInput: when a file of measurements is not what it should be.
    """
    own = None if jobs is None else _of_jobs(root, scale, phase, jobs)
    return own or _of_reference(root, phase, params, counts)


def _of_jobs(root: Path, scale: str, phase: str, jobs: int) -> CpuTime | None:
    """The sum over a phase's jobs; None unless each has left its table, and some were long enough to be looked at."""
    folder = Path("benchmarks") / scale / phase
    tables = sorted((root / folder).glob("*.tsv"))
    seconds = sum(_sampled(path) for path in tables)
    if len(tables) != jobs or not seconds:
        return None
    return CpuTime(seconds / HOUR, True, f"what its last jobs took, as Snakemake sampled it ({folder.as_posix()}/)")


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
    hours = _frames(phase, params, counts) * rate.seconds(value) / HOUR
    lacks = f", without {rate.lacks}" if rate.lacks else ""
    seen = f"'{rate.what}'{lacks}, measured on {rate.seen} ({results.cpu})"
    return CpuTime(hours, False, f"{path.as_posix()}, {seen}; grows with frames")


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
