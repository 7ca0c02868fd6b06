"""Finding the commit whose code a file was made with, in a repository of a few commits."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.ledger_project import FILES, ledger_project
from tgvac.bridge.graph import Graph
from tgvac.code_digests import SourceTree
from tgvac.errors import BadInput
from tgvac.ledger.chain import Link
from tgvac.ledger.history import PACKAGE, commits_of
from tgvac.ledger.present import Step, job_of

JOINING = "metrics/join_rows.py"
"""What joins all rows, and little else."""


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A copy of the package with three commits, of which the second changes what joins rows."""
    folder = tmp_path_factory.mktemp("repository")
    package = folder / "src" / "tgvac"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    git(folder, "init", "-q")
    commits = []
    for number in range(3):
        if number == 1:
            path = package / JOINING
            path.write_text(path.read_text(encoding="utf-8") + "\nANOTHER = 1\n", encoding="utf-8")
        if number == 2:
            (package / "cli.py").write_text("MAIN = 2\n", encoding="utf-8")
        git(folder, "add", ".")
        git(folder, "commit", "-qm", f"commit {number}")
        commits.append(git(folder, "rev-parse", "HEAD"))
    return package, commits


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return Graph.of("fake", {}, ledger_project(tmp_path_factory.mktemp("project")).root)


def step(graph: Graph, code: str) -> Step:
    """All rows, made with some code."""
    link = Link("all rows", FILES["all rows"][1], "intact", phase="metrics", code=code)
    return Step(link, job_of(link, graph), True, False, {})


def code_at(package: Path, commit: str, graph: Graph, folder: Path) -> str:
    """The digest of the code that joins rows, in a checkout of its own."""
    git(package, "worktree", "add", "-q", str(folder), commit)
    return step(graph, "").job.code_in(SourceTree(folder / "src" / "tgvac"))


def test_the_newest_commit_with_the_recorded_code_is_found(
    repository: tuple[Path, list[str]], graph: Graph, tmp_path: Path
) -> None:
    package, (first, second, third) = repository
    old = code_at(package, first, graph, tmp_path / "first")
    new = code_at(package, second, graph, tmp_path / "second")
    assert old != new
    assert commits_of([step(graph, old)], 10, package) == {FILES["all rows"][1]: first}
    assert commits_of([step(graph, new)], 10, package) == {FILES["all rows"][1]: third}


def test_code_of_no_commit_or_beyond_the_last_one_to_look_at_is_not_found(
    repository: tuple[Path, list[str]], graph: Graph
) -> None:
    package, (first, *_) = repository
    assert commits_of([step(graph, "0" * 64)], 10, package) == {}
    present = step(graph, "").job.code_digest
    assert commits_of([step(graph, present)], 2, package) == {}
    assert commits_of([step(graph, present)], 3, package) == {FILES["all rows"][1]: first}


def test_a_package_outside_of_a_repository_is_refused(graph: Graph, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="leave --commits out"):
        commits_of([step(graph, "0" * 64)], 3, tmp_path)
