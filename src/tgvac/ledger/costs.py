"""What each method costs: frames per second and memory, as Snakemake measured the jobs that completed the samples.

A job's time includes loading its networks. A job that resumed has only the time of what was left to do, which its
figures do not tell.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tgvac.bridge.graph import Graph
from tgvac.completion.shards import shard_folder
from tgvac.errors import BadInput
from tgvac.ledger.findings import Findings
from tgvac.methods.registry import label_of
from tgvac.phases import phase, shard_count
from tgvac.report.tables import Cell, Column, Row, Table, missing
from tgvac.shards import read_index

_UNSAMPLED = ("NA", "-")
"""What Snakemake writes for a job that ended before its first sample."""


@dataclass(frozen=True)
class Cost:
    """What jobs of a method took.

    Attributes:
        frames: that they completed, each draw counted.
        seconds: of wall time, summed over jobs.
        core_seconds: of processor time; None if a job was too short to be sampled.
        memory: the largest resident set of a job, in MiB; None likewise.
        jobs, of: jobs that left figures, of all.
    """

    method: str
    frames: int
    seconds: float
    core_seconds: float | None
    memory: float | None
    jobs: int = 1
    of: int = 1


def costs(found: Findings, graph: Graph) -> list[Cost]:
    """The cost of each evaluated method that has completions and figures of its jobs.

    Methods that paste another one's completions are left out, since their jobs sample nothing.

    Raises:
        BadInput: when a file of figures is damaged.
    """
    out = []
    for name in found.params.evaluation.methods:
        if found.params.methods[name].completions_of is None:
            jobs = [_job(found, name, seed, figures, shards) for seed, figures, shards in _jobs(graph, name)]
            if made := [job for job in jobs if job is not None]:
                out.append(_together(name, made, len(jobs)))
    return out


def _jobs(graph: Graph, name: str) -> Iterator[tuple[int, str, tuple[int, ...]]]:
    """The jobs of a method: the seed, the file of figures, and the shards that it makes."""
    shards = range(shard_count(graph.params, phase("completion")))
    for seed in (seed for method, seed in graph.evaluated() if method == name):
        run = f"{name.replace('/', '-')}-seed{seed}"
        if graph.is_light(name):
            yield seed, graph.benchmark("completion", run), tuple(shards)
        else:
            yield from ((seed, graph.benchmark("completion", f"{run}-{k:03d}"), (k,)) for k in shards)


def _job(found: Findings, name: str, seed: int, figures: str, shards: Sequence[int]) -> Cost | None:
    """One job; None if it left no figures, or has no completions."""
    path, folder = found.ctx.root / figures, shard_folder(found.ctx, name, seed)
    indices = [folder / f"shard-{shard:03d}.json" for shard in shards]
    if not path.is_file() or not all(index.is_file() for index in indices):
        return None
    entries = [entry for index in indices for entry in read_index(index).values()]
    frames = sum(sum(entry.facts["samples"].values()) for entry in entries) * found.params.methods[name].draws
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            (row,) = csv.DictReader(stream, delimiter="\t")
        cores, memory = (None if row[key] in _UNSAMPLED else float(row[key]) for key in ("cpu_time", "max_rss"))
        return Cost(name, frames, float(row["s"]), cores, memory) if frames else None
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInput(
            f"{path} is not a table of one row with the columns 's', 'cpu_time' and 'max_rss'; delete it, and the"
            " ledger leaves its job out."
        ) from None


def _together(name: str, made: Sequence[Cost], of: int) -> Cost:
    cores = [job.core_seconds for job in made if job.core_seconds is not None]
    return Cost(
        name,
        sum(job.frames for job in made),
        sum(job.seconds for job in made),
        sum(cores) if len(cores) == len(made) else None,
        max((job.memory for job in made if job.memory is not None), default=None),
        len(made),
        of,
    )


def cost_table(found: Sequence[Cost]) -> Table:
    """A row for each method, in the scale's order."""
    return Table(
        "cost",
        "What each method costs",
        (
            Column("Method", number=False),
            Column("Frames"),
            Column("Jobs"),
            Column("Seconds"),
            Column("Frames/s"),
            Column("Core-seconds/frame"),
            Column("Memory (MiB)"),
        ),
        tuple(Row((Cell(label_of(each.method)), *_cells(each))) for each in found),
        remarks=(
            "Wall time of the jobs of phase completion, as Snakemake measured them on the machine that ran them, with"
            " loading of networks and rendering of inputs. Memory is the largest resident set of one job, without that"
            " of a GPU. Rows that paste another method's completions sample nothing and are not listed. A job that"
            " resumed has only the time of what was left to do, so run completion anew to compare methods.",
        ),
    )


def _cells(cost: Cost) -> tuple[Cell, ...]:
    unsampled = "The job was too short to be sampled."
    jobs = Cell(f"{cost.jobs}" if cost.jobs == cost.of else f"{cost.jobs} of {cost.of}")
    cores = missing(unsampled) if cost.core_seconds is None else Cell(f"{cost.core_seconds / cost.frames:.3f}")
    memory = missing(unsampled) if cost.memory is None else Cell(f"{cost.memory:,.0f}")
    rate = Cell(f"{cost.frames / cost.seconds:.2f}") if cost.seconds else missing("The job took no time.")
    return Cell(f"{cost.frames:,}"), jobs, Cell(f"{cost.seconds:,.1f}"), rate, cores, memory


def scale_costs(root: Path, found: Findings) -> Table | None:
    """The table of a scale's costs; None where no job left figures."""
    measured = costs(found, Graph.of(found.ctx.scale, {}, root))
    return cost_table(measured) if measured else None
