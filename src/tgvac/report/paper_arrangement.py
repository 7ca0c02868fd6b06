"""Tables 1 to 4 in the paper's own arrangement: its rows and columns, and in each row the paper's numbers above ours.

A row of the paper becomes five lines: paper, ours, interval, difference and verdict. Rows of ours that the paper does
not have, such as trivial baselines and ceilings, are in the project's own Tables 1 to 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tgvac.methods.registry import label_of
from tgvac.report.basis import Basis
from tgvac.report.cell_answers import Answer
from tgvac.report.paper import Column as PaperColumn
from tgvac.report.paper import Paper
from tgvac.report.score_tables import heading_notes
from tgvac.report.scores import score_of
from tgvac.report.table1 import paper_cell
from tgvac.report.tables import DASH, Cell, Column, Row, Table

NOT_COMPARABLE = "not comparable"


def arranged_tables(paper: Paper, answers: Mapping[str, Answer], basis: Basis, confidence: float) -> list[Table]:
    """The four tables, named ``paper_table1`` to ``paper_table4``.

    Args:
        answers: to all published cells, by id.
        confidence: mass of the intervals, in (0,1).
    """
    return [_arranged(paper, table, answers, basis, confidence) for table in paper.tables]


def _arranged(paper: Paper, name: str, answers: Mapping[str, Answer], basis: Basis, confidence: float) -> Table:
    printed, rows = paper.tables[name], []
    for row, label in printed.rows.items():
        line = [answers[f"{name}.{row}.{column}"] for column in printed.columns]
        rows += _lines(paper, label.label, line, basis, confidence)
    sources = {printed.columns[a.cell.column].label: a.method for a in answers.values() if _counts(a, name)}
    named = "; ".join(f"{label}: {source}" for label, source in sources.items())
    return Table(
        f"paper_{name}",
        f"Table {name.removeprefix('table')} as the paper arranges it, with our numbers. {printed.title}",
        (Column("", number=False), *(_heading(paper, column) for column in printed.columns.values())),
        tuple(rows),
        "" if sources else basis.sentence,
        (f"Sources of this run: {named}.",) if sources else (),
    )


def _counts(answer: Answer, table: str) -> bool:
    """Whether an answer is a count of a source of ours, in a table."""
    return answer.cell.table == table and answer.score is None and bool(answer.method)


def _heading(paper: Paper, column: PaperColumn) -> Column:
    if paper.metrics[column.metric].direction == "none":
        return Column(column.label)
    score = score_of(column.metric)
    return Column(score.label, column.group or "", notes=heading_notes(paper, score))


def _lines(paper: Paper, label: str, line: Sequence[Answer], basis: Basis, confidence: float) -> list[Row]:
    """The lines below one row of the paper; without an interval anywhere, such as of counts, that line is left out."""
    names = dict.fromkeys(answer.method for answer in line if answer.measured and answer.score)
    ours = " and ".join(label_of(name) for name in names)
    section = label if not ours or ours.casefold() == label.casefold() else f"{label}; here: {ours}"
    lines = {
        "paper": [paper_cell(paper, answer.cell) for answer in line],
        "ours": [Cell(answer.here.text, notes=answer.here.notes) for answer in line],
        f"{confidence * 100:g} % interval": [Cell(answer.here.detail or DASH) for answer in line],
        "difference": [answer.apart for answer in line],
        "verdict": [_verdict(answer, basis) for answer in line],
    }
    return [
        Row((Cell(what), *cells), section)
        for what, cells in lines.items()
        if not what.endswith("interval") or any(answer.here.detail for answer in line)
    ]


def _verdict(answer: Answer, basis: Basis) -> Cell:
    """The verdict, short enough for a column of numbers; what it leaves out is in a note."""
    if answer.verdict == basis.verdict and not basis.comparable:
        return Cell(NOT_COMPARABLE, notes=(f"{answer.verdict[0].upper()}{answer.verdict[1:]}.",))
    if answer.verdict.startswith(NOT_COMPARABLE):
        return Cell(NOT_COMPARABLE)
    return Cell(answer.verdict)
