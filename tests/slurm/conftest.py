"""A SLURM of the tests' own, and how they run Snakemake and look at jobs on it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.slurm.one_node import OneNode, missing

PROFILES = ("--profile", "slurm", "--workflow-profile", "workflow/profiles/slurm-test")


@pytest.fixture(scope="session")
def slurm() -> Iterator[OneNode]:
    """A running cluster of one node; tests leave it without jobs and with its node up."""
    if reason := missing():
        pytest.skip(reason)
    # Not pytest's own folder, whose name is too long for a socket and which other users may not enter.
    node = OneNode(Path(tempfile.mkdtemp(prefix="tgvac-slurm-")))
    try:
        try:
            node.start()
        except PermissionError as error:
            pytest.skip(f"root may not do here what a cluster needs: {error}")
        yield node
    finally:
        node.stop()
    # Kept after a failure, with the daemons' logs.
    shutil.rmtree(node.folder)


class ClusterRun:
    """Snakemake with the test's profile in a project, as its own process.

    Args:
        more: further arguments, targets first.
        profiles: the options that name the profiles.
    """

    def __init__(self, node: OneNode, project: Path, *more: str, profiles: Sequence[str] = PROFILES) -> None:
        self.log = project / f"snakemake-{time.monotonic_ns()}.log"
        command = [sys.executable, "-m", "snakemake", *profiles, *more]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=project, env=node.environment, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(encoding="utf-8")

    def ended(self, seconds: float = 1500) -> int:
        """Its exit code, once it has ended."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail(f"still running after {seconds} s:\n{self.output[-3000:]}")

    def until(self, ready: Callable[[], bool], seconds: float = 900) -> None:
        """Wait until a condition holds while it runs."""
        limit = time.monotonic() + seconds
        while not ready():
            assert self.process.poll() is None, f"it ended too early:\n{self.output[-3000:]}"
            assert time.monotonic() < limit, f"the condition never held:\n{self.output[-3000:]}"
            time.sleep(0.05)


@pytest.fixture
def run_on(slurm: OneNode) -> Iterator[Callable[..., ClusterRun]]:
    """Starts runs on the cluster; what still runs at the end of a test is killed, and its jobs are cancelled."""
    started: list[ClusterRun] = []

    def start(project: Path, *more: str, profiles: Sequence[str] = PROFILES) -> ClusterRun:
        started.append(ClusterRun(slurm, project, *more, profiles=profiles))
        return started[-1]

    yield start
    for run in started:
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
    slurm.run("scancel", "--user=root", check=False)
    slurm.until_idle()
