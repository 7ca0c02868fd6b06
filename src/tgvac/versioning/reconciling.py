"""Makes Snakemake's records those of the results that are there, by the provenance beside them.

Snakemake knows files by records of its own, which are no results: they are not pulled, copied or checked out with them.
Without records it compares times alone, and takes whatever is there for its own; with those of other results it trusts
them. `snakemake --touch` writes records, but with the digests of today's code and params, so it would also vouch for
results that were made by others. So only files whose provenance matches are touched. Others are made older than all of
their inputs, and Snakemake makes them again.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tgvac.bridge.graph import Graph
from tgvac.bridge.jobs import Job
from tgvac.bridge.workflow import SETTINGS
from tgvac.errors import BadInput
from tgvac.provenance import read_record
from tgvac.status.by_content import Digests, states
from tgvac.status.by_snakemake import SOURCES, record_of, why_again
from tgvac.status.every_job import every_job

_OLD = (1.0, 1.0)
"""Access and modification time of what is to be made again."""


def reconcile(root: Path, graph: Graph, tell_all: bool = False) -> list[str]:
    """Let Snakemake run what provenance says is stale, and nothing that it says is fresh.

    Where both agree, as after a run by Snakemake, nothing is done. A file that differs from its own record is left as
    it is: whatever reads it refuses it.

    No provenance holds the state of the user's footage, of registered sources, of outputs that were made elsewhere and
    of converted weights. Where a scale has outputs or weights, or Snakemake has seen that sources changed, nothing is
    touched, since a touch reaches all that a file was made from.

    Args:
        graph: without footage of the user.
        tell_all: also what Snakemake has seen.

    Returns:
        a sentence for each phase whose results were made with other code, params or inputs.

    Raises:
        BadInput: when Snakemake cannot be told.
    """
    digests, fresh, said = Digests(), list[str](), dict[str, str]()
    may_touch = not graph.outputs()
    for job, state in states(root, graph.scale, every_job(graph), digests):
        seen = why_again(root, graph, job, digests)
        unknown = not all(record_of(root, name) for name in job.outputs)
        may_touch &= seen != SOURCES
        if state.word == "fresh" and (seen or unknown):
            # Without a record, a touch of what it reads would make it look old.
            fresh += job.outputs
        elif state.word == "stale" and state.itself and _whole(root, job):
            if unknown or not seen:
                # What Snakemake finds by times alone, a later touch would hide.
                _make_again(root, job)
            if tell_all or not seen:
                said.setdefault(job.phase.name, f"{job.phase.name}: {state.why}")
    if fresh and may_touch:
        _touch(root, graph.scale, fresh)
    return list(said.values())


def prepare(root: Path) -> Callable[[Graph], None]:
    """What a run does first, so that results that came by a copy, a pull or a checkout are not made again in vain."""

    def call(graph: Graph) -> None:
        # Whether the user's footage is still the same, only a scan of it says.
        if not graph.given:
            for sentence in reconcile(root, graph):
                print(f"made again, since it was made otherwise: {sentence}", flush=True)

    return call


def _whole(root: Path, job: Job) -> bool:
    """Whether all files of a job are as their own records say."""
    return all(read_record(root / name) is not None for name in job.outputs)


def _make_again(root: Path, job: Job) -> None:
    for path in (root / name for name in job.outputs):
        if job.inputs:
            os.utime(path, _OLD)
        else:
            # What reads nothing is never older than its inputs.
            path.unlink()


def _touch(root: Path, scale: str, files: list[str]) -> None:
    command = [sys.executable, "-m", "snakemake", *files, "--touch", "--forceall", "-c1", "--nolock", *SETTINGS]
    done = subprocess.run(
        [*command, "--config", f"scale={scale}"],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
        raise BadInput(
            f"Snakemake could not enter the results into its records ({last}); they are there, and the same command"
            " tries again."
        )
