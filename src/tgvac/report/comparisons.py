"""What Table 2 says as differences: ours against the paper's cells, and ours against the other methods here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tgvac.completion.params import EvaluationParams
from tgvac.metrics.aggregate import Estimate
from tgvac.metrics.params import MetricsParams
from tgvac.report.basis import Basis
from tgvac.report.paper import Paper
from tgvac.report.scores import (
    CLASSES,
    ENOUGH_VIDEOS,
    SCORES,
    Score,
    Scored,
    difference,
    estimate,
    label_of,
    score_cell,
    scored,
)
from tgvac.report.tables import Cell, Column, Row, Table, missing

if TYPE_CHECKING:
    import pandas as pd

HEADLINE = "ours/full"


def headline(rows: pd.DataFrame, evaluation: EvaluationParams) -> Scored | None:
    """The method of the paper, with the evaluation's masks, if the run has measured it."""
    found = [s for s in scored(rows, evaluation.methods) if s.name == HEADLINE]
    return next((s for s in found if s.mask_source == evaluation.mask_source), None)


def paper_table(
    rows: pd.DataFrame, paper: Paper, basis: Basis, metrics: MetricsParams, evaluation: EvaluationParams
) -> Table:
    """Each published number of ours: paper, here with interval, difference, verdict."""
    ours = headline(rows, evaluation)
    out = []
    for group, heading in CLASSES:
        for score in (s for s in SCORES if s.paper):
            cell = paper.cell(f"table2.ours.{group}.{score.paper}")
            value = estimate(rows, ours, score, group, metrics) if ours else _NOTHING
            here = score_cell(value, score, "Nothing was measured.")
            apart, verdict = _against(value, cell.value, score, basis)
            out.append(Row((Cell(f"{heading}, {score.label}"), Cell(cell.text), here, apart, Cell(verdict))))
        votes = paper.cell(f"table2.ours.{group}.user_preference")
        nothing = missing("It comes from people's votes, which no program regenerates.")
        out.append(
            Row((Cell(f"{heading}, user preference↑"), Cell(votes.text), nothing, nothing, Cell("published only")))
        )
    columns = (
        Column("Ours", number=False),
        Column("Paper"),
        Column("Here"),
        Column("Difference"),
        Column("Verdict", number=False),
    )
    return Table("paper", "Ours: the paper's numbers and those measured here", columns, tuple(out))


_NOTHING = Estimate(math.nan, math.nan, math.nan, 0, 0)


def _against(value: Estimate, published: float, score: Score, basis: Basis) -> tuple[Cell, str]:
    """The difference to a published number, and what it amounts to; none where the two can't be compared."""
    if math.isnan(value.mean):
        return missing("Nothing was measured."), "not measured"
    if not basis.comparable:
        return missing("A difference between numbers that can't be compared means nothing."), basis.verdict
    apart = Cell(f"{value.mean - published:+.{score.decimals}f}")
    if value.videos < ENOUGH_VIDEOS:
        return apart, f"too few source videos to tell ({value.videos})"
    if value.low <= published <= value.high:
        return apart, "the paper's number lies in our interval"
    return apart, f"{'better' if (value.mean > published) == score.up else 'worse'} than the paper's"


def methods_table(rows: pd.DataFrame, metrics: MetricsParams, evaluation: EvaluationParams) -> Table:
    """Ours minus each other method, on the frames that both have: these compare, whatever the backbones."""
    ours = headline(rows, evaluation)
    columns = [Column("Ours minus", number=False)]
    for _, heading in CLASSES:
        columns += [Column(score.label, heading) for score in SCORES]
    out = []
    for other in scored(rows, evaluation.methods) if ours else []:
        if other == ours or ours is None:
            continue
        cells = [Cell(label_of(other.name))]
        for group, _ in CLASSES:
            for score in SCORES:
                value = difference(rows, ours, other, score, difficulty=group, metrics=metrics)
                cell = score_cell(value, score, "No frame that both have a value for.", signed=True)
                cells.append(Cell(cell.text + _sign(value, score), cell.detail, cell.notes))
        out.append(Row(tuple(cells)))
    return Table(
        "differences",
        "Ours against the other methods measured here",
        tuple(columns),
        tuple(out),
        "Paired differences on the same frames, with the interval of the difference. ✓ means better and ✗ worse: the"
        f" interval leaves out zero and comes from at least {ENOUGH_VIDEOS} source videos. Without a mark, the run"
        " doesn't tell the two apart.",
    )


def _sign(value: Estimate, score: Score) -> str:
    if value.videos < ENOUGH_VIDEOS or value.low <= 0 <= value.high:
        return ""
    return " ✓" if (value.low > 0) == score.up else " ✗"
