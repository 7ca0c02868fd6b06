"""Fixtures shared by all tests: a project folder in which the workflow can run, and one finished run of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CLONE = Path(__file__).resolve().parents[1]
_PARTS = ("Snakefile", "workflow", "params.yaml", "reference", "slurm")


def make_project(folder: Path) -> Path:
    """A folder with all that the workflow reads, and no results."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PARTS:
        source = CLONE / name
        if source.is_symlink():
            (folder / name).symlink_to(source.readlink())
        elif source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A fresh project folder."""
    return make_project(tmp_path / "project")


Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def tgvac() -> Command:
    """Runs ``tgvac`` in a folder and returns the finished process."""

    def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tgvac", *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=1500)

    return call


@pytest.fixture(scope="session")
def snakemake() -> Command:
    """Runs Snakemake in a folder; its output and errors are joined."""

    def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "snakemake", *arguments]
        return subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=1500
        )

    return call


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory, tgvac: Command) -> Path:
    """A project folder in which the whole graph has run at scale smoke; tests must not change it.

    If several test processes run in parallel, the first runs it and the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done = shared / "smoke" / "project", shared / "smoke" / "done"
    with FileLock(shared / "smoke.lock"):
        if not done.exists():
            made = tgvac(make_project(folder), "run", "--scale", "smoke", "--cores", "2")
            assert made.returncode == 0, made.stdout[-4000:] + made.stderr[-4000:]
            done.touch()
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real video, or a skip that says how to give it."""
    given = os.environ.get("TGVAC_REAL_DATA")
    if not given:
        pytest.skip("TGVAC_REAL_DATA is not set: give the folder that holds DAVIS/ to run on real video")
    return Path(given).resolve()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window, or a skip that says how to get it."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        # CI runs as root, where Chromium has no sandbox; the pages are the project's own.
        launched = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield launched
        launched.close()
