"""Each published number beside the one measured here."""

from __future__ import annotations

import math

from tgvac.completion.params import EvaluationParams
from tgvac.metrics.aggregate import Estimate
from tgvac.metrics.difficulty import Group
from tgvac.report.basis import Basis
from tgvac.report.methods import answer_to
from tgvac.report.paper import Cell as PaperCell
from tgvac.report.paper import Paper
from tgvac.report.scores import ENOUGH_VIDEOS, NOTHING, Measured, Score, score_cell, score_of
from tgvac.report.tables import Cell, Column, Row, Table, missing


def group_of(cell: PaperCell) -> Group:
    """The set of frames that a published cell covers."""
    return cell.difficulty or "all"


def answers(
    paper: Paper, evaluation: EvaluationParams, votes: bool = False
) -> dict[tuple[str, Group, str], list[PaperCell]]:
    """The published cells that a measured number corresponds to, by method, set of frames and metric.

    Args:
        votes: whether there are votes of people, to which the cells of user preference correspond.
    """
    found: dict[tuple[str, Group, str], list[PaperCell]] = {}
    for cell in paper.cells.values():
        method = answer_to(f"{cell.table}.{cell.row}", evaluation.methods)
        if method is not None and (votes or not cell.published_only):
            found.setdefault((method, group_of(cell), cell.metric), []).append(cell)
    return found


def paper_table(numbers: Measured, paper: Paper, basis: Basis, evaluation: EvaluationParams) -> Table:
    """Each published score: paper, here with interval, difference, verdict. Counts are in Table 1."""
    out = []
    for cell in paper.cells.values():
        if cell.direction == "none":
            continue
        table = paper.tables[cell.table]
        heading = f"{table.columns[cell.column].group or 'All'}, "
        section = f"Table {cell.table.removeprefix('table')}. {table.title}"
        published = Cell(cell.text)
        if cell.published_only and numbers.preference.why:
            nothing = missing(numbers.preference.why)
            first = Cell(f"{table.rows[cell.row].label}: {heading}user preference↑")
            out.append(Row((first, published, nothing, nothing, Cell("published only")), section))
            continue
        score = score_of(cell.metric)
        name = answer_to(f"{cell.table}.{cell.row}", evaluation.methods)
        of = numbers.find(name) if name else None
        value = numbers.estimate(of, score, group_of(cell)) if of else NOTHING
        apart, verdict = _against(value, cell.value, score, basis)
        here = score_cell(value, score, "Nothing was measured.")
        first = Cell(f"{table.rows[cell.row].label}: {heading}{score.label}")
        out.append(Row((first, published, here, apart, Cell(verdict)), section))
    columns = (
        Column("Number", number=False),
        Column("Paper"),
        Column("Here"),
        Column("Difference"),
        Column("Verdict", number=False, prose=True),
    )
    return Table("paper", "Each published score, and what was measured here", columns, tuple(out), basis.sentence)


def _against(value: Estimate, published: float, score: Score, basis: Basis) -> tuple[Cell, str]:
    """The difference from a published number, and a verdict; a dash if the two are not comparable."""
    if math.isnan(value.mean):
        return missing("Nothing was measured."), "not measured"
    if not basis.comparable:
        return missing("A difference between numbers that are not comparable has no meaning."), basis.verdict
    apart = Cell(f"{value.mean - published:+.{score.decimals}f}")
    if value.videos < ENOUGH_VIDEOS:
        return apart, f"too few source videos for a verdict ({value.videos})"
    if value.low <= published <= value.high:
        return apart, "the paper's number is in our interval"
    return apart, f"{'better' if (value.mean > published) == score.up else 'worse'} than the paper's"
