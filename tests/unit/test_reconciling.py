"""What a run tells Snakemake before it starts, where records of content and Snakemake's own differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tgvac.status.by_content import State
from tgvac.status.by_snakemake import SOURCES
from tgvac.versioning import reconciling

OUTPUTS = {"sources": "manifest.json", "report": "index.json"}


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that Snakemake is told to touch; both jobs are fresh, and Snakemake would run the second."""
    found: list[str] = []
    jobs = [
        SimpleNamespace(phase=SimpleNamespace(name=name), inputs=(), outputs=(file,)) for name, file in OUTPUTS.items()
    ]

    def states(*given: Any) -> Iterator[tuple[Any, State]]:
        return ((job, State("fresh")) for job in jobs)

    monkeypatch.setattr(reconciling, "every_job", lambda graph: jobs)
    monkeypatch.setattr(reconciling, "states", states)
    monkeypatch.setattr(reconciling, "record_of", lambda root, name: {"params": []})
    monkeypatch.setattr(reconciling, "_touch", lambda root, scale, files: found.extend(files))
    return found


def graph(**outputs: str) -> Any:
    return SimpleNamespace(scale="mine", outputs=lambda: outputs)


def seen_by(monkeypatch: pytest.MonkeyPatch, **why: str) -> None:
    monkeypatch.setattr(reconciling, "why_again", lambda root, graph, job, digests: why.get(job.phase.name, ""))


def test_what_provenance_calls_fresh_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, touched: list[str]
) -> None:
    seen_by(monkeypatch, report="other params or code")
    assert reconciling.reconcile(tmp_path, graph()) == []
    assert touched == ["index.json"]


def test_nothing_is_touched_beside_outputs_whose_state_no_provenance_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, touched: list[str]
) -> None:
    """Snakemake has seen that the files of another program changed; a touch would hide it."""
    seen_by(monkeypatch, report="other params or code")
    reconciling.reconcile(tmp_path, graph(external="outputs"))
    assert touched == []


def test_nothing_is_touched_when_registered_sources_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, touched: list[str]
) -> None:
    seen_by(monkeypatch, sources=SOURCES, report="other params or code")
    reconciling.reconcile(tmp_path, graph())
    assert touched == []
