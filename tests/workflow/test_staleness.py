"""One change at a time to a finished run, and the exact phases that it makes stale, by each tool.

By records of content (`tgvac status`), by Snakemake itself, by what `tgvac status` says of Snakemake, and by DVC. DVC
watches more: whole packages of code, and in its first stage the whole files of params. It then calls Snakemake, which
does nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.workflow.test_dvc import put_under_dvc
from tgvac.bridge.workflow import SETTINGS
from tgvac.files import locked
from tgvac.phases import PHASES

pytestmark = pytest.mark.workflow

SCALE = "workflow/scales/smoke.yaml"
PAGE = "src/tgvac/report/page.py"


@dataclass(frozen=True)
class Change:
    """A change, and the phases with a job that runs again because of itself.

    Attributes:
        stale: by records, and by Snakemake unless ``snakemake`` is given.
        dvc: the stages that DVC finds changed.
    """

    make: Callable[[Path], None]
    stale: frozenset[str] = frozenset()
    dvc: frozenset[str] = frozenset()
    snakemake: frozenset[str] | None = None


def replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text, f"{name} has no '{old}'"
        (folder / name).write_text(text.replace(old, new, 1))

    return make


def appended(name: str, text: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        with (folder / name).open("a") as stream:
            stream.write(text)

    return make


def removed(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def touched(name: str) -> Callable[[Path], None]:
    return lambda folder: os.utime(folder / name)


def reordered(folder: Path) -> None:
    """The top-level keys of the scale's file, in another order."""
    text = (folder / SCALE).read_text()
    head, *blocks = re.split(r"(?m)^(?=\w)", text)
    (folder / SCALE).write_text(head + "\n".join(block.rstrip("\n") for block in reversed(blocks)) + "\n")


PARAMS = frozenset({"sources"})
"""DVC's first stage watches the whole files of params, so that it can refuse a list of keys that is out of date."""
CARDS = frozenset({"dataset", "report"})
"""The phases with pages: their code includes ``report/page.py``, and DVC watches its package."""

CHANGES = {
    "a comment in the params": Change(appended("params.yaml", "# a comment\n"), dvc=PARAMS),
    "the order of keys": Change(reordered, dvc=PARAMS),
    "another spelling of a number": Change(replaced(SCALE, "guidance: 2.0}", "guidance: 2.00}"), dvc=PARAMS),
    "a key that is used": Change(
        replaced(SCALE, "bootstrap: 200", "bootstrap: 201"), frozenset({"report"}), PARAMS | {"report"}
    ),
    "a key that no job uses": Change(replaced("params.yaml", "attempts: 5 ", "attempts: 6 "), dvc=PARAMS),
    "a function in a used module": Change(appended(PAGE, "\n\ndef more() -> int:\n    return 1\n"), CARDS, CARDS),
    "a comment in a used module": Change(appended(PAGE, "# a comment\n"), dvc=CARDS),
    "a docstring": Change(replaced(PAGE, '"""', '"""Here: '), dvc=CARDS),
    "a module that no phase uses": Change(appended("src/tgvac/app/__init__.py", "MORE = 1\n")),
    "the bytes of a file that a phase reads": Change(appended("reference/paper.yaml", "# a comment\n"), CARDS, CARDS),
    "the time of a file": Change(touched("results/smoke/captions/captions.parquet")),
    "the time of a lock file": Change(touched("workflow/dvc/smoke/dvc.lock")),
    "a deleted result": Change(
        removed("results/smoke/report/index.json"), frozenset({"report"}), frozenset({"report"})
    ),
    "a deleted file in the middle": Change(
        removed("results/smoke/masks/index.json"),
        frozenset({"masks"}),
        frozenset(phase.name for phase in PHASES) - {"sources", "tracks"},
        # Nothing that is made from it has changed, so Snakemake does not miss it.
        snakemake=frozenset(),
    ),
}


@pytest.fixture(scope="module")
def finished(smoke: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the finished run with the code beside it, committed to DVC."""
    return put_under_dvc(smoke, tmp_path_factory.mktemp("staleness") / "project")


def run(folder: Path, *command: str) -> str:
    """Run a module of Python with the folder's own code; returns what it printed."""
    environment = os.environ | {"PYTHONPATH": str(folder / "src")}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def by_records(folder: Path) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """By `tgvac status`: phases stale by themselves, those that Snakemake would run, and those that DVC would."""
    rows = json.loads(run(folder, "tgvac", "status", "--scale", "smoke", "--json"))["phases"]
    own = frozenset(row["phase"] for row in rows if not row["fresh"] and not row["why"].startswith("reads "))
    return own, *(frozenset(row["phase"] for row in rows if row[tool]) for tool in ("snakemake", "dvc"))


def by_snakemake(folder: Path) -> frozenset[str]:
    """The phases whose jobs Snakemake itself would run, but for those that only wait for others."""
    settings = [each for each in SETTINGS if each not in ("--quiet", "reason")]
    said = run(folder, "snakemake", "all", "-n", "-c1", "--nolock", *settings, "--config", "scale=smoke")
    # A rule's message begins with its phase.
    jobs = re.findall(r"(?m)^Job \d+: (\w+).*\nReason: (.*)$", said)
    assert jobs or "Nothing to be done" in said
    own = (phase for phase, reason in jobs if not reason.startswith("Input files updated by another job"))
    return frozenset(own) - {"mlflow", "ledger"}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_makes_exactly_these_phases_stale(finished: Path, tmp_path: Path, name: str) -> None:
    folder, change = tmp_path / "project", CHANGES[name]
    shutil.copytree(finished, folder, symlinks=True, copy_function=shutil.copy2)
    change.make(folder)
    records, told, dvc = by_records(folder)
    assert records == change.stale
    expected = change.stale if change.snakemake is None else change.snakemake
    assert told == expected, "what status says of Snakemake"
    assert by_snakemake(folder) == expected, "Snakemake itself"
    assert dvc == change.dvc


def test_a_phase_whose_lock_is_held_is_running(finished: Path) -> None:
    with locked(finished / "scratch" / "smoke" / "locks" / "report-all.lock"):
        said = run(finished, "tgvac", "status", "--scale", "smoke")
    assert re.search(rf"(?m)^report +1 +running .* process {os.getpid()}$", said)
    assert re.search(r"(?m)^report +1 +fresh ", run(finished, "tgvac", "status", "--scale", "smoke"))


def test_where_tools_disagree_the_remedy_is_said(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(finished, folder, symlinks=True, copy_function=shutil.copy2)
    shutil.rmtree(folder / "scratch" / "mlflow")
    page = folder / "results" / "smoke" / "report" / "index.json"
    page.write_text(page.read_text() + " ")
    said = run(folder, "tgvac", "status", "--scale", "smoke")
    assert "report: index.json differs from what index.json.prov.json says, which Snakemake does not see" in said
    shutil.rmtree(folder / ".dvc")
    assert "DVC was not asked" in run(folder, "tgvac", "status", "--scale", "smoke")
