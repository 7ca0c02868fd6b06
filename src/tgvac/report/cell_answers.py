"""What a run has for each published cell: the number, its interval, the difference and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tgvac.completion.params import EvaluationParams
from tgvac.metrics.aggregate import Estimate
from tgvac.report.basis import PAPER_SOURCES, Basis
from tgvac.report.comparisons import group_of, paper_table
from tgvac.report.methods import answer_to
from tgvac.report.paper import Cell as PaperCell
from tgvac.report.paper import Paper
from tgvac.report.scores import NOTHING, Measured, Score, Scored, score_of
from tgvac.report.tables import DASH, Cell, missing

WORLD_SOURCES = {"davis": "world", "youtube_vos": "world_youtube_vos", "lasot": "world_lasot"}
"""The procedural world's sources, which stand for those of the paper's Table 1, by layout."""


@dataclass(frozen=True)
class Answer:
    """What stands beside a published cell.

    Attributes:
        method: the ``method/variant`` or, for a count, the source that corresponds to it; "" if there is none.
        of: the measured rows; None if nothing was measured, and for counts.
        score: the metric; None for counts.
        value: the mean with its interval, in the metric's unit; ``NOTHING`` without one, and for counts.
        here, apart: our number and its difference from the paper's, as tables print them; a dash has its reason.
        verdict: in words.
    """

    cell: PaperCell
    method: str
    of: Scored | None
    score: Score | None
    value: Estimate
    here: Cell
    apart: Cell
    verdict: str

    @property
    def measured(self) -> bool:
        """Whether the run has a number for the cell."""
        return self.here.text != DASH


def score_answers(numbers: Measured, paper: Paper, basis: Basis, evaluation: EvaluationParams) -> dict[str, Answer]:
    """The answers to the cells of Tables 2 to 4, by id.

    The comparison itself is made once, in :func:`tgvac.report.comparisons.paper_table`.
    """
    cells = [cell for cell in paper.cells.values() if cell.direction != "none"]
    compared = paper_table(numbers, paper, basis, evaluation).rows
    found = {}
    for cell, row in zip(cells, compared, strict=True):
        _, _, here, apart, verdict = row.cells
        score, name = score_of(cell.metric), answer_to(f"{cell.table}.{cell.row}", evaluation.methods)
        of = numbers.find(name) if name else None
        voted = not (cell.published_only and numbers.preference.why)
        value = numbers.estimate(of, score, group_of(cell)) if of and voted else NOTHING
        found[cell.id] = Answer(cell, name or "", of, score, value, here, apart, verdict.text)
    return found


def count_answers(
    paper: Paper, basis: Basis, sources: Sequence[str], counts: Mapping[str, Mapping[str, Cell]]
) -> dict[str, Answer]:
    """The answers to the cells of Table 1, by id.

    Args:
        sources: the sources of this run. A column of the paper is answered by its own data set or, without it, by the
            world's source of the same layout.
        counts: by source and row, as the table prints them.
    """
    ours = {column: source for source, column in PAPER_SOURCES.items() if source in sources}
    found = {}
    for cell in (cell for cell in paper.cells.values() if cell.direction == "none"):
        source = ours.get(cell.column) or WORLD_SOURCES.get(cell.column, "")
        source = source if source in sources else ""
        if not source:
            here = missing(f"This run has no source that corresponds to {_label(paper, cell)}.")
            apart, verdict = missing("Nothing was counted."), "not measured"
        else:
            here = counts[source][cell.row]
            apart, verdict = _apart(here, cell, source, basis)
        found[cell.id] = Answer(cell, source, None, None, NOTHING, here, apart, verdict)
    return found


def _label(paper: Paper, cell: PaperCell) -> str:
    return paper.tables[cell.table].columns[cell.column].label


def _apart(here: Cell, cell: PaperCell, source: str, basis: Basis) -> tuple[Cell, str]:
    """The difference of a count from the paper's, where both count the same data set."""
    if here.text == DASH:
        return missing("Nothing was counted."), "not measured"
    if source not in PAPER_SOURCES:
        return missing("The procedural world is another data set than the paper's."), f"not comparable; {source}"
    apart = float(here.text.replace(",", "")) - cell.value
    return Cell(f"{apart:+,.10g}"), "as published" if apart == 0 else "another count than the paper's"
