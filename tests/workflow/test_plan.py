"""Plans against Snakemake's graph of the same scale."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Command
from tests.workflow.test_graph import planned
from tgvac.planning.plan import make_plan

pytestmark = pytest.mark.workflow


def test_a_plan_has_as_many_jobs_as_snakemake_would_start(project: Path, snakemake: Command) -> None:
    done = snakemake(project, "-n", "-c2", "all", "--config", "scale=smoke")
    assert done.returncode == 0, done.stdout[-3000:]
    assert make_plan(project, "smoke").jobs == sum(planned(done.stdout).values())
