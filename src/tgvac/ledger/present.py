"""Whether the files of a chain are what the present params and code would make, and which commit that code is."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tgvac
from tgvac.bridge.graph import Graph
from tgvac.bridge.jobs import Job
from tgvac.ledger.chain import Link
from tgvac.phases import deciding_params, known

_METHOD = re.compile(
    r"(?P<phase>metrics|completion)/(?P<method>\w+)/(?P<variant>\w+)/seed(?P<seed>\d+)/shard-(?P<shard>\d+)\.\w+"
)
_TRAINED = re.compile(r"(?P<phase>\w+)/(?P<variant>\w+)/seed(?P<seed>\d+)/index\.json")


@dataclass(frozen=True)
class Step:
    """A file of a chain beside what this clone would make now.

    Attributes:
        job: that makes it.
        same_params, same_code: whether the digests in its record are the present ones.
        params: the present values that decide it, by block, where they are those of its record; else empty.
    """

    link: Link
    job: Job
    same_params: bool
    same_code: bool
    params: dict[str, Any]


def steps(links: Sequence[Link], graph: Graph) -> list[Step]:
    """Compare each file that has a record with the params and the code of this clone."""
    found = []
    # The shards of a method are decided by the same, and digesting the code of each anew would take long.
    known_digests: dict[tuple[str, ...], tuple[str, str]] = {}
    for link in links:
        if link.phase:
            job = job_of(link, graph)
            kind = (job.phase.name, str(job.joins), *job.options.values())
            if kind not in known_digests:
                known_digests[kind] = job.params_digest, job.code_digest
            params, code = known_digests[kind]
            # The joining of shards is decided by names of methods alone, which the shards below have already.
            values = {} if job.joins or params != link.params else _values(graph, job)
            found.append(Step(link, job, params == link.params, code == link.code, values))
    return found


def _values(graph: Graph, job: Job) -> dict[str, Any]:
    """The values that decide a job, by name, with the job's own method and variant in the names."""
    options = known(graph.params, job.options)
    return {
        name.format_map(options): value for name, value in deciding_params(graph.params, job.phase, job.options).items()
    }


def job_of(link: Link, graph: Graph) -> Job:
    """The job that makes a file of a chain."""
    if at := _METHOD.fullmatch(link.file):
        options = {name: at[name] for name in ("method", "variant", "seed")}
        return graph.job(at["phase"], options, int(at["shard"]))
    if at := _TRAINED.fullmatch(link.file):
        return graph.job(at["phase"], {"variant": at["variant"], "seed": str(int(at["seed"]))})
    return graph.job(link.phase)


def commit() -> str:
    """The commit of the code that runs, with a remark if files of it were edited since; "" outside of a repository."""
    folder = Path(tgvac.__file__).resolve().parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        head = git("rev-parse", "HEAD")
        edited = git("status", "--porcelain", "--", ".")
    except FileNotFoundError:
        return ""  # git is not installed
    return f"{head} with uncommitted edits" if head and edited else head
