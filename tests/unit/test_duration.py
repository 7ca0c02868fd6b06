"""The estimate that a run prints at its start."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.conftest import CLONE
from tests.unit.layouts import write
from tgvac.bridge import duration
from tgvac.bridge.duration import FILE, Measured, announced, estimate, rate, read_durations

MEASURED = Measured(minutes=30, cores=2, rate=1000, machine="two cores")


@pytest.mark.parametrize(("cores", "here", "minutes"), [(2, 1000, 30), (2, 500, 60), (1, 1000, 60), (16, 2000, 15)])
def test_a_slower_machine_or_fewer_cores_take_longer_and_more_cores_are_not_counted_on(
    cores: int, here: float, minutes: float
) -> None:
    assert estimate(MEASURED, cores, here) == pytest.approx(minutes)


def test_the_sentence_has_the_minutes_and_is_only_for_first_runs_of_measured_scales(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duration, "rate", lambda: 500.0)
    write(tmp_path / FILE, yaml.safe_dump({"tiny": MEASURED.model_dump()}))
    assert announced(tmp_path, "tiny", 2).startswith("scale tiny takes about 60 minutes from nothing on this machine")
    assert "works 0.5 times as fast" in announced(tmp_path, "tiny", 2)
    assert announced(tmp_path, "smoke", 2) == ""
    write(tmp_path / "results" / "tiny" / "report" / "index.json", "{}")
    assert announced(tmp_path, "tiny", 2) == ""


def test_the_rate_counts_work_and_the_project_has_measured_the_default_scale(tmp_path: Path) -> None:
    assert rate(0.01) > 0
    assert set(read_durations(CLONE)) <= {path.stem for path in (CLONE / "workflow" / "scales").glob("*.yaml")}
    assert read_durations(tmp_path) == {}
