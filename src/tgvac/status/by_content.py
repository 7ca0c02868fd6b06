"""The state of a job by the records beside its files: digests of inputs, params and code."""

from __future__ import annotations

import fcntl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tgvac.bridge.jobs import Job
from tgvac.files import sha256
from tgvac.provenance import provenance_of, read_record

Word = Literal["fresh", "stale", "missing", "running"]


@dataclass(frozen=True)
class State:
    """What would become of a job if the workflow ran now.

    Attributes:
        word: ``fresh``: nothing would be done; ``stale``: it would run again; ``missing``: it has not been made;
            ``running``: a process holds its lock.
        why: the reason, for people; "" for a fresh job.
        itself: whether the reason is the job's own, and not that of a job before it.
    """

    word: Word
    why: str = ""
    itself: bool = True


@dataclass
class Digests:
    """SHA-256 of files, each read once."""

    known: dict[Path, str] = field(default_factory=dict)

    def __call__(self, path: Path) -> str:
        if path not in self.known:
            self.known[path] = sha256(path)
        return self.known[path]


def states(root: Path, scale: str, jobs: Iterable[Job], digests: Digests) -> Iterator[tuple[Job, State]]:
    """The state of each job.

    Args:
        jobs: each after those whose files it reads.
    """
    unsettled: dict[str, str] = {}
    """Files that may change, with the phase that makes them."""
    for job in jobs:
        state = _own(root, scale, job, digests)
        waits = next((unsettled[name] for name in job.inputs if name in unsettled), None)
        if state.word == "fresh" and waits is not None:
            state = State("stale", f"reads {waits}, which may change", itself=False)
        # A file that is missing is made when something needs it, and decides nothing before.
        if state.word in ("stale", "running"):
            unsettled.update(dict.fromkeys(job.outputs, job.phase.name))
        yield job, state


def _own(root: Path, scale: str, job: Job, digests: Digests) -> State:
    if holder := lock_holder(root / "scratch" / scale / "locks" / f"{job.name}.lock"):
        return State("running", f"process {holder}")
    for output in job.outputs:
        path = root / output
        if not path.is_file():
            return State("missing", f"{path.name} is not there")
        if (record := read_record(path)) is None:
            beside = provenance_of(path).name
            has = provenance_of(path).is_file()
            return State("stale", f"{path.name} differs from what {beside} says" if has else f"{beside} is not there")
        if why := _why(root, scale, job, record, digests):
            return State("stale", why)
    return State("fresh")


def _why(root: Path, scale: str, job: Job, record: Mapping[str, Any], digests: Digests) -> str:
    """Why a record is not that of this job as it is now; "" if it is."""
    if record.get("params") != job.params_digest:
        return "other params"
    if record.get("code") != job.code_digest:
        return "other code"
    inputs: Mapping[str, str] = record.get("inputs", {})
    own = {name.removeprefix(f"results/{scale}/"): root / name for name in job.inputs}
    if odd := sorted(inputs.keys() ^ own.keys()):
        return f"{odd[0]} is {'a new input' if odd[0] in own else 'no input any more'}"
    # One that is not there makes its own job `missing`.
    changed = (name for name, path in own.items() if path.is_file() and digests(path) != inputs[name])
    return f"{name} has changed" if (name := next(changed, "")) else ""


def lock_holder(path: Path) -> str:
    """The process that holds a lock; "" if none does. Waits for nothing and takes nothing."""
    if not path.is_file():
        return ""
    with path.open() as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return stream.read().strip() or "with an unknown id"
    return ""
