"""Two processes that share a training through the command line have the losses of one with the same batch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.workflow.one_stage import one_stage

pytestmark = pytest.mark.workflow

CHANGED = {
    "frame": {"steps": 12, "batch": 4},
    "motion": {"steps": 8, "batch": 2},
    "checkpoints": {"log_every": 1},
    "samples": {"every": 0},
}
TOLERANCE = 2e-5
"""Relative tolerance of each logged number: sums are computed in another order, in each step. Measured: losses 2e-7,
gradient norms 2e-6."""


def events(folder: Path, smoke: Path, tgvac: Command, phase: str, processes: int) -> list[dict[str, float]]:
    """The events of a stage, shared by ``processes`` processes."""
    one_stage(folder, smoke, phase, CHANGED)
    done = tgvac(folder, "stage", phase, "--scale", "smoke", "--processes", str(processes))
    assert done.returncode == 0, done.stderr
    lines = (folder / "results" / "smoke" / phase / "full" / "seed0" / "events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("phase", ["frame", "motion"])
def test_two_processes_log_the_losses_of_one_with_the_same_batch(
    smoke: Path, tmp_path: Path, tgvac: Command, phase: str
) -> None:
    alone, shared = (events(tmp_path / str(count), smoke, tgvac, phase, count) for count in (1, 2))
    assert [e["step"] for e in alone] == list(range(1, int(CHANGED[phase]["steps"]) + 1))
    assert shared != alone, "the batch was not divided"
    assert [sorted(e) for e in shared] == [sorted(e) for e in alone]
    for name in ("loss", "grad_norm"):
        most = max(abs(two[name] / one[name] - 1) for one, two in zip(alone, shared, strict=True))
        print(f"\n{phase}: {name} differs by {most:.1e} at most")
    for one, two in zip(alone, shared, strict=True):
        assert two == pytest.approx(one, rel=TOLERANCE, abs=0)
