"""Figures of the benchmarks: limits hold or fail, and both files have the same figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import figures
from benchmarks.figures import Figure, tell


@pytest.mark.parametrize(
    ("figure", "bar", "holds"),
    [
        (Figure("a", 0.6, "x", at_least=0.6), ">= 0.6", True),
        (Figure("a", 0.59, "x", at_least=0.6), ">= 0.6", False),
        (Figure("a", 1.05, "x", at_most=1.05), "<= 1.05", True),
        (Figure("a", 1.06, "x", at_most=1.05), "<= 1.05", False),
        (Figure("a", 7.0, "frames/s"), None, None),
    ],
)
def test_a_bar_holds_from_its_value_on(figure: Figure, bar: str | None, holds: bool | None) -> None:
    assert (figure.bar, figure.holds) == (bar, holds)
    assert figure.as_json() == {
        **{"what": "a", "value": figure.value, "unit": figure.unit},
        **{"bar": bar, "holds": holds},
    }


@pytest.mark.parametrize(("value", "status"), [(2.0, 0), (0.5, 1)])
def test_figures_are_printed_and_written_and_a_bar_that_fails_is_the_exit_status(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    value: float,
    status: int,
) -> None:
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    rows = [Figure("speed", 123.456, "frames/s"), Figure("ratio", value, "x", at_least=1.0)]
    assert tell("it", iter(rows)) == status
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2
    assert printed[1].endswith("FAILS" if status else "holds")
    listed = json.loads((tmp_path / "results" / "bench" / "it.json").read_text())
    assert [row["value"] for row in listed] == [123.5, value]
    kept = json.loads((tmp_path / "benchmarks" / "results" / "it.json").read_text())
    assert kept["measured"] == listed
    assert set(kept) == {"date", "cpu", "commit", "measured"}
    assert kept["cpu"].endswith(" cores")
