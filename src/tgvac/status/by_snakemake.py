"""What Snakemake would run again, by its own records in ``.snakemake/metadata``, without starting it.

Snakemake takes seconds to start and to build its graph. Its rules ask the project's graph for files and digests, so the
graph and Snakemake's records together say the same: a job runs again when an output is missing or incomplete, its rule
has another digest, other inputs, or an input of other content.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tgvac.bridge.graph import Graph
from tgvac.bridge.jobs import Job
from tgvac.phases import PHASES
from tgvac.status.by_content import Digests

_TARGETS = ("report", "dataset")
"""The phases that the workflow ends in."""
_LARGEST = 100 * 10**6
"""Bytes up to which Snakemake compares content; :data:`tgvac.bridge.workflow.SETTINGS` says so."""

MISSING = "is not there"
SOURCES = "other footage, or other rows of reference/registry.csv"


def again(root: Path, graph: Graph, jobs: Sequence[Job], digests: Digests) -> list[str]:
    """Why Snakemake would run each job again because of itself; "" for those that it would not.

    A missing file is made only if it is a target of the workflow, or a job that runs reads it.

    Args:
        jobs: each after those whose files it reads.
    """
    found = [why_again(root, graph, job, digests) for job in jobs]
    needed = {name for phase in _TARGETS for name in graph.final(phase)}
    for k in reversed(range(len(jobs))):
        if found[k].endswith(MISSING) and not needed & set(jobs[k].outputs):
            found[k] = ""
        elif found[k]:
            needed.update(jobs[k].inputs)
    return found


def why_again(root: Path, graph: Graph, job: Job, digests: Digests) -> str:
    """Why Snakemake would run a job again if it is needed; "" if it would not."""
    for output in job.outputs:
        if not (root / output).is_file():
            return f"{Path(output).name} {MISSING}"
        if _path(root, "incomplete", output).exists():
            return "it was interrupted"
        record = record_of(root, output)
        if record and repr(_digest(graph, job)) not in record["params"]:
            return "other params or code"
        if record and job.phase.name == "sources" and repr(graph.fingerprint()) not in record["params"]:
            return SOURCES
        if why := _inputs(root, job, output, record, digests):
            return why
    return ""


def _digest(graph: Graph, job: Job) -> str:
    """The digest in the params of the job's rule."""
    if job.joins:
        return graph.join_digest(job.phase.name)
    of = graph.digest(job.phase.name)
    return of if isinstance(of, str) else of(job.options)


def _path(root: Path, folder: str, output: str) -> Path:
    """Where Snakemake keeps what it knows of a file: its path in base64, cut into folders where it is too long."""
    key, most = base64.urlsafe_b64encode(output.encode()).decode(), os.pathconf(root, "PC_NAME_MAX") - 1
    *folders, name = [key[i : i + most] for i in range(0, len(key), most)]
    return root.joinpath(".snakemake", folder, *(f"@{part}" for part in folders), name)


def record_of(root: Path, output: str) -> dict[str, Any]:
    """Snakemake's record of a file; empty where there is none, as after a pull: then it compares times alone."""
    try:
        found: dict[str, Any] = json.loads(_path(root, "metadata", output).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _follows_params(name: str) -> bool:
    """Whether a file is one of several whose number follows from the params: of a method, or of a training.

    A rule may leave out what its other inputs imply, so all other files are those that the record names. One job may
    make several shards, so folders are compared, not files.
    """
    parts = Path(name).parts
    return parts[0] == "results" and any(each.name == parts[2] for each in PHASES if each.wildcards)


def _inputs(root: Path, job: Job, output: str, record: dict[str, Any], digests: Digests) -> str:
    recorded: list[str] = record.get("input", list(job.inputs))
    before, now = (
        {str(Path(name).parent) for name in names if _follows_params(name)} for names in (recorded, job.inputs)
    )
    if odd := sorted(before ^ now):
        return f"{odd[0]} is {'a new input' if odd[0] in now else 'no input any more'}"
    checksums: dict[str, str] = record.get("input_checksums") or {}
    made = (root / output).stat().st_mtime
    for name in recorded:
        path = root / name
        if not path.is_file() or path.stat().st_mtime <= made:
            continue
        known = checksums.get(name, "").removeprefix("sha256:")
        if path.stat().st_size > _LARGEST or known != digests(path):
            return f"{name} has changed"
    return ""
