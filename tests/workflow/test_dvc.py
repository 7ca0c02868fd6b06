"""DVC and Snakemake on one finished run: they agree that nothing is to be done, and on what a change reaches."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CLONE, Command, make_project
from tests.workflow.test_graph import planned
from tests.workflow.test_interruption import digests
from tgvac.bridge.dvc_stages import file_of
from tgvac.phases import PHASES

pytestmark = pytest.mark.workflow

FILE = file_of("smoke")


def dvc(folder: Path, *arguments: str) -> str:
    """Run DVC in a folder; it must succeed. Returns what it printed."""
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=1500
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def ran(output: str) -> list[str]:
    """The stages whose command DVC ran, in order."""
    return re.findall(r"(?m)^Running stage '(?:[^':]*:)?([a-z]+)'", output)


def without_ledger(found: dict[str, str]) -> dict[str, str]:
    """Digests without the ledger's, which is no stage: it also has what each method cost in this run."""
    return {name: digest for name, digest in found.items() if not name.startswith("smoke/ledger/")}


def give_dvc(folder: Path) -> None:
    """What DVC needs beside the workflow: the code, whose folders stages watch, and the command they call."""
    shutil.copytree(CLONE / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".dvcignore", ".gitignore", FILE):
        shutil.copy(CLONE / name, folder / name)
    (folder / ".dvc").mkdir()
    for name in ("config", ".gitignore"):
        shutil.copy(CLONE / ".dvc" / name, folder / ".dvc")
    command = folder / ".venv" / "bin" / "tgvac"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tgvac "$@"\n')
    command.chmod(0o755)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)


def put_under_dvc(smoke: Path, folder: Path) -> Path:
    """Copy the finished run to a folder, and commit it to DVC there."""
    shutil.copytree(smoke, folder, symlinks=True, copy_function=shutil.copy2)
    give_dvc(folder)
    dvc(folder, "commit", "--force", FILE)
    return folder


@pytest.fixture(scope="module")
def committed(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run that Snakemake finished, committed to DVC."""
    return put_under_dvc(smoke, tmp_path_factory.mktemp("dvc") / "project")


@pytest.fixture
def project(committed: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    folder = tmp_path / "project"
    shutil.copytree(committed, folder, symlinks=True, copy_function=shutil.copy2)
    return folder


def test_dvc_makes_the_same_bytes_as_snakemake(smoke: Path, tmp_path: Path) -> None:
    folder = make_project(tmp_path / "project")
    give_dvc(folder)
    assert len(ran(dvc(folder, "repro", FILE))) == len(PHASES)
    assert digests(folder / "results") == without_ledger(digests(smoke / "results"))
    assert ran(dvc(folder, "repro", FILE)) == []


def test_after_snakemake_dvc_has_nothing_to_do(committed: Path) -> None:
    assert "up to date" in dvc(committed, "status", FILE)
    assert ran(dvc(committed, "repro", FILE)) == []


def test_after_dvc_s_commit_snakemake_has_nothing_to_do(committed: Path, snakemake: Command) -> None:
    assert "Nothing to be done" in snakemake(committed, "-n", "-c2", "all", "--config", "scale=smoke").stdout


def test_a_changed_key_runs_the_phase_that_uses_it_and_snakemake_agrees(project: Path, snakemake: Command) -> None:
    path = project / "workflow" / "scales" / "smoke.yaml"
    path.write_text(path.read_text().replace("bootstrap: 200", "bootstrap: 201"))
    before = digests(project / "results")
    # The first stage depends on the whole files of params; Snakemake, called by it, finds nothing to do.
    assert ran(dvc(project, "repro", FILE)) == ["sources", "report"]
    changed = {name for name, digest in digests(project / "results").items() if before.get(name) != digest}
    assert changed
    assert {name.split("/")[1] for name in changed} == {"report"}
    assert ran(dvc(project, "repro", FILE)) == []
    # The ledger is no stage of DVC.
    assert set(planned(snakemake(project, "-n", "-c2", "all", "--config", "scale=smoke").stdout)) == {"ledger", "all"}


def test_a_comment_in_the_code_changes_no_byte(project: Path) -> None:
    path = project / "src" / "tgvac" / "report" / "page.py"
    path.write_text(path.read_text() + "# a comment\n")
    (project / "logs" / "smoke" / "report" / "all.log").unlink()
    before = digests(project / "results")
    # The data set's card uses the report's page; neither reads the other, so DVC may begin with either.
    assert sorted(ran(dvc(project, "repro", FILE))) == ["dataset", "report"]
    assert digests(project / "results") == before
    assert not (project / "logs" / "smoke" / "report" / "all.log").exists(), "Snakemake ran the phase"


def test_a_key_that_no_stage_watches_stops_dvc_with_the_remedy(project: Path) -> None:
    path = project / "workflow" / "scales" / "smoke.yaml"
    path.write_text(
        path.read_text().replace("sampler: {steps: 3, guidance: 2.0}", "sampler: {steps: 3, guidance: 2.0, stride: 2}")
    )
    command = [sys.executable, "-m", "dvc", "repro", FILE]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode != 0
    assert "run `tgvac dvc --write`" in done.stdout + done.stderr
