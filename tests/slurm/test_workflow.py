"""The workflow through a real SLURM, from footage to tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import make_project
from tests.slurm.conftest import ClusterRun
from tests.workflow.test_interruption import digests

pytestmark = pytest.mark.slurm


def test_a_run_on_a_cluster_gives_the_bytes_of_a_local_one(
    smoke: Path, tmp_path: Path, run_on: Callable[..., ClusterRun]
) -> None:
    project = make_project(tmp_path / "a project")
    run = run_on(project, "all")
    assert run.ended(2400) == 0, run.output[-4000:]
    assert digests(project / "results" / "smoke") == digests(smoke / "results" / "smoke")
    assert "Submitted array job" in run.output
    kept = {path.parts[-2] if path.parts[-2].startswith("rule_") else path.parts[-3] for path in _slurm_logs(project)}
    assert {"rule_tracks_shard", "rule_backbones", "rule_train_frame", "rule_train_motion"} <= kept
    again = run_on(project, "all")
    assert again.ended() == 0, again.output[-4000:]
    assert "Nothing to be done" in again.output


def _slurm_logs(project: Path) -> list[Path]:
    return sorted((project / "logs" / "slurm").rglob("*.log"))
