"""`tgvac status`: one row a phase, and whether the tools that know what is stale agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from tgvac.bridge.finished_trainings import find_trainings
from tgvac.bridge.graph import Graph
from tgvac.bridge.jobs import Job
from tgvac.phases import PHASES
from tgvac.status.by_content import Digests, State, Word, states
from tgvac.status.by_dvc import AskDvc, only_code
from tgvac.status.by_mlflow import not_imported
from tgvac.status.by_snakemake import again
from tgvac.status.every_job import every_job

_WORDS: tuple[Word, ...] = get_args(Word)


@dataclass(frozen=True)
class Row:
    """One phase.

    Attributes:
        counts: the number of its jobs in each state.
        why: the first reason for a job that is not fresh.
        snakemake: what Snakemake would do with it; "" for nothing.
        dvc: what DVC finds changed; "" for nothing, None where DVC was not asked.
        mlflow: of phases that train, what its store lacks; "" for nothing, None for other phases and without a store.
        unseen: why a job is stale that Snakemake would not run again; "" if there is none.
    """

    phase: str
    counts: Mapping[Word, int]
    why: str
    snakemake: str
    dvc: str | None
    mlflow: str | None
    unseen: str

    @property
    def fresh(self) -> bool:
        return not any(self.counts[word] for word in _WORDS if word != "fresh")


@dataclass(frozen=True)
class Status:
    """The state of a scale.

    Attributes:
        remarks: where the tools disagree, and why DVC was not asked.
    """

    rows: tuple[Row, ...]
    remarks: tuple[str, ...]


def status(root: Path, graph: Graph) -> Status:
    """The state of all phases of a scale; runs nothing and changes nothing.

    Raises:
        BadInput: for whatever the user can fix.
    """
    asked = AskDvc(root, graph.scale)
    digests = Digests()
    jobs = list(states(root, graph.scale, every_job(graph), digests))
    reasons = again(root, graph, [job for job, _ in jobs], digests)
    found = [(job, state, why) for (job, state), why in zip(jobs, reasons, strict=True)]
    trained = _lacking(root, graph)
    changed, unasked = asked.answer()
    rows = tuple(
        _row(phase.name, [each for each in found if each[0].phase is phase], changed, trained) for phase in PHASES
    )
    remarks = [f"DVC was not asked: {unasked}"] if changed is None else []
    return Status(rows, (*remarks, *(said for row in rows for said in _disagree(row))))


def _lacking(root: Path, graph: Graph) -> dict[str, list[str]] | None:
    """By phase, the finished trainings that MLflow's store lacks; None without a store."""
    if not (root / "results" / graph.scale).is_dir():
        return None
    lacking = not_imported(root, find_trainings(root, graph.scale, graph.params)[0])
    if lacking is None:
        return None
    found: dict[str, list[str]] = {}
    for each in lacking:
        found.setdefault(each.phase, []).append(each.name)
    return found


def _row(
    phase: str,
    jobs: Sequence[tuple[Job, State, str]],
    changed: Mapping[str, list[str]] | None,
    trained: Mapping[str, list[str]] | None,
) -> Row:
    counts = Counter(state.word for _, state, _ in jobs)
    # What is the job's own says more than what it waits for.
    reasons = sorted((state for _, state, _ in jobs if state.why), key=lambda state: not state.itself)
    trains = phase == "backbones" or any(job.phase.trains for job, _, _ in jobs)
    return Row(
        phase=phase,
        counts={word: counts[word] for word in _WORDS},
        why=reasons[0].why if reasons else "",
        snakemake=next((why for _, _, why in jobs if why), ""),
        dvc=None if changed is None else _dvc(changed.get(phase, [])),
        mlflow=", ".join(trained.get(phase, [])) if trains and trained is not None else None,
        unseen=next((s.why for _, s, why in jobs if s.word == "stale" and s.itself and not why), ""),
    )


def _dvc(changes: list[str]) -> str:
    if not changes:
        return ""
    code = "code or comments of " if only_code(changes) else ""
    return f"{code}{changes[0]}{f' and {len(changes) - 1} more' if len(changes) > 1 else ''}"


def _disagree(row: Row) -> list[str]:
    """Sentences on tools that would do something else than the records of content say."""
    own = row.fresh or not any(row.counts[word] for word in ("stale", "missing"))
    said = []
    if own and row.snakemake:
        said.append(
            f"{row.phase}: all is as recorded, but Snakemake would run it again ({row.snakemake});"
            " `tgvac run` tells it what is there, and makes again only what provenance does not cover"
        )
    if row.counts["missing"] and not row.snakemake:
        said.append(
            f"{row.phase}: {row.why}, but nothing that would run needs it; `tgvac run --target {row.phase}` makes it"
        )
    if row.unseen:
        said.append(
            f"{row.phase}: {row.unseen}, which Snakemake does not see; delete the file and its record, and run again"
        )
    if row.fresh and row.dvc:
        said.append(
            f"{row.phase}: fresh, but DVC would call Snakemake ({row.dvc}), which does nothing; `tgvac commit` tells"
            " DVC"
        )
    if row.fresh and row.mlflow:
        said.append(f"{row.phase}: MLflow lacks {row.mlflow}; `tgvac mlflow` imports it")
    return said


def text(scale: str, found: Status) -> str:
    """The table, as people read it."""
    lines = [("phase", "jobs", "state", "Snakemake", "DVC", "MLflow", "why")]
    for row in found.rows:
        jobs = sum(row.counts.values())
        state = ", ".join(f"{n} {w}" if n < jobs else w for w, n in row.counts.items() if n) or "no job at this scale"
        waits = bool(row.counts["stale"]) and not row.snakemake
        lines.append(
            (
                row.phase,
                str(jobs),
                state,
                "would run" if row.snakemake else "waits" if waits else "fresh",
                "–" if row.dvc is None else "changed" if row.dvc else "fresh",
                "–" if row.mlflow is None else "lacks runs" if row.mlflow else "has all",
                row.why,
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    table = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
    fresh = all(row.fresh for row in found.rows)
    last = f"scale {scale}: " + ("everything is fresh" if fresh else f"`tgvac run --scale {scale}` makes what is not")
    return "\n".join([table, "", *found.remarks, last])
