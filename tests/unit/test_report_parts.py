"""The pieces a report is put together from: verdicts, choice of samples, tables, curves."""

from __future__ import annotations

import math

import pytest

from tgvac.metrics.aggregate import Estimate
from tgvac.report.basis import basis_of
from tgvac.report.comparisons import _against, _sign
from tgvac.report.curves import Run, _ticks, charts
from tgvac.report.samples import choose
from tgvac.report.scores import SCORES
from tgvac.report.strips import spaced
from tgvac.report.tables import Cell, Column, Table, missing, to_csv, to_html, to_markdown
from tgvac.report.tables import Row as TableRow


def test_only_pretrained_backbones_on_the_papers_sources_compare() -> None:
    assert not basis_of("train", ("davis",)).comparable
    assert not basis_of("pretrained", ("davis", "world")).comparable
    assert not basis_of("unknown", ("davis",)).comparable
    assert basis_of("pretrained", ("davis", "lasot")).comparable


def test_a_verdict_needs_enough_source_videos_and_comparable_numbers() -> None:
    up, down = SCORES[0], SCORES[1]
    assert [_sign(Estimate(0.1, 0.05, 0.2, 6, 60), score) for score in (up, down)] == [" ✓", " ✗"]
    assert [_sign(Estimate(-0.1, -0.2, -0.05, 6, 60), score) for score in (up, down)] == [" ✗", " ✓"]
    assert _sign(Estimate(0.1, -0.1, 0.2, 6, 60), up) == ""
    assert _sign(Estimate(0.1, 0.05, 0.2, 5, 60), up) == ""
    real, stand_in = basis_of("pretrained", ("davis",)), basis_of("train", ("davis",))
    assert _against(Estimate(0.92, 0.91, 0.94, 9, 90), 0.93, up, real)[0].text == "-0.010"
    assert _against(Estimate(0.92, 0.91, 0.94, 9, 90), 0.93, up, real)[1] == "the paper's number lies in our interval"
    assert _against(Estimate(0.10, 0.09, 0.11, 9, 90), 0.14, down, real)[1] == "better than the paper's"
    assert _against(Estimate(0.80, 0.75, 0.85, 9, 90), 0.93, up, real)[1] == "worse than the paper's"
    assert _against(Estimate(0.80, 0.75, 0.85, 2, 90), 0.93, up, real)[1].startswith("too few source videos")
    assert _against(Estimate(0.80, 0.75, 0.85, 9, 90), 0.93, up, stand_in)[1] == stand_in.verdict
    assert _against(Estimate(math.nan, math.nan, math.nan, 0, 0), 0.93, up, real)[1] == "not measured"


def test_chosen_samples_span_the_rates() -> None:
    rates = {f"s{i}": i / 10 for i in range(10)}
    assert choose(rates, 4) == ["s0", "s3", "s6", "s9"]
    assert choose(rates, 1) == ["s9"]
    assert choose(rates, 0) == []
    assert choose(rates, 99) == sorted(rates)
    assert spaced(18, 6) == [0, 3, 6, 10, 13, 17]
    assert spaced(3, 6) == [0, 1, 2]
    assert spaced(5, 1) == [0]


def test_tables_escape_and_number_their_notes() -> None:
    rows = (TableRow((Cell("a|b <i>"), missing("no <data>"))), TableRow((Cell("c"), missing("no <data>")), "Part"))
    table = Table("t", "T & U", (Column("x", number=False), Column("y", "G")), rows)
    html = to_html(table)
    assert "a|b &lt;i&gt;" in html
    assert html.count("<sup>1</sup>") == 2
    assert html.count("<li>") == 1
    assert "a\\|b &lt;i&gt;" in to_markdown(table)
    assert to_csv(table).splitlines()[0] == "Section,x,G: y"
    assert "– (no <data>)" in to_csv(table)
    with pytest.raises(ValueError, match="cells"):
        Table("t", "T", (Column("x"),), rows)


def test_curves_are_short_and_have_round_ticks() -> None:
    events = [{"step": float(s), "loss": float("nan") if s == 3 else 1.0 / s, "lr": 1e-4} for s in range(1, 5000)]
    drawn = charts([Run("a<b", events), Run("one", events[:1])])
    assert len(drawn) == 2
    assert all(len(svg) < 12_000 and "nan" not in svg for svg in drawn)
    assert _ticks(0, 1.1) == [0.0, 0.5, 1.0]
    assert _ticks(0, 0) == [0.0, 0.5, 1.0]
    assert charts([Run("empty", [])]) == []
