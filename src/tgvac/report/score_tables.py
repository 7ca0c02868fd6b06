"""Rows of score tables, shared by Tables 2, 3 and 4: measured, missing, counted, published, compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tgvac.methods.registry import label_of
from tgvac.metrics.difficulty import Group
from tgvac.report.multiple import holm
from tgvac.report.paper import Paper
from tgvac.report.preference import NO_VOTE, NOT_ASKED
from tgvac.report.scores import PREFERENCE, SCORES, Groups, Measured, Score, Scored, p_outside, score_cell
from tgvac.report.table1 import paper_cell
from tgvac.report.tables import Cell, Column, Row, missing

HERE, PUBLISHED, COUNTS = "Measured here", "Published in the paper", "Behind the numbers above"
NO_ROWS = "Listed in evaluation.methods, but the run has no rows of it."
_NOT_PUBLISHED = "The paper does not report it."


@dataclass(frozen=True)
class ScoreColumns:
    """The columns that all rows of a table share.

    Attributes:
        table: id of the paper's table; "" if the paper has none.
        groups: the sets of frames, side by side.
        votes: whether the paper has a column of user preference.
        verdict: whether the last column is a verdict on the whole row.
        scores: the columns of each set of frames.
    """

    table: str
    groups: Groups
    votes: bool = False
    verdict: bool = True
    scores: tuple[Score, ...] = SCORES

    def columns(self, paper: Paper | None, first: str) -> tuple[Column, ...]:
        columns = [Column(first, number=False)]
        for _, heading in self.groups:
            columns += [Column(score.label, heading, notes=heading_notes(paper, score)) for score in self.scores]
            columns += [Column("User preference↑", heading)] if self.votes else []
        return (*columns, Column("Verdict", number=False, prose=True)) if self.verdict else tuple(columns)

    def _row(self, first: Cell, cells: list[Cell], verdict: str, section: str) -> Row:
        return Row((first, *cells, *([Cell(verdict)] if self.verdict else [])), section)

    def _votes(self, numbers: Measured, of: Scored, group: Group) -> list[Cell]:
        """The share of votes, where the paper has such a column."""
        if not self.votes:
            return []
        asked = numbers.preference
        same = of.mask_source == numbers.mask_source and asked.compares(of.name)
        why = asked.why or (NO_VOTE if same else NOT_ASKED)
        return [score_cell(numbers.estimate(of, PREFERENCE, group), PREFERENCE, why)]

    def _votes_counted(self, numbers: Measured, group: Group) -> list[Cell]:
        if not self.votes or numbers.preference.why:
            return [missing(numbers.preference.why)] if self.votes else []
        votes = numbers.preference.votes(group)
        return [Cell(f"{len(votes):,} votes", f"({len({vote.video for vote in votes}):,})")]

    def measured(self, numbers: Measured, of: Scored, label: str, verdict: str, section: str) -> Row:
        """A measured method: means with intervals."""
        masks = "" if of.mask_source == numbers.mask_source else f" ({of.mask_source} masks)"
        cells: list[Cell] = []
        for group, heading in self.groups:
            where = f" in {heading.lower()}" if heading else ""
            for score in self.scores:
                any_rows = len(numbers.rows_of(of, score.metric, group)) > 0
                why = "Not defined on any of these frames." if any_rows else f"No frame measured{where}."
                cells.append(score_cell(numbers.estimate(of, score, group), score, why))
            cells += self._votes(numbers, of, group)
        return self._row(Cell(label + masks), cells, verdict, section)

    def absent(self, label: str, reason: str, section: str) -> Row:
        """A method without rows: dashes, with the reason."""
        count = len(self.groups) * (len(self.scores) + self.votes) + self.verdict
        return Row((Cell(label), *([missing(reason)] * count)), section)

    def counted(self, numbers: Measured, names: Iterable[str]) -> Row:
        """The number of frames and of source videos behind each column."""
        names, cells = tuple(names), []
        for group, _ in self.groups:
            for score in self.scores:
                frames, videos = numbers.frames(names, score.metric, group)
                cells.append(Cell(f"{frames:,}", f"({videos:,})"))
            cells += self._votes_counted(numbers, group)
        return self._row(Cell("Frames (source videos)"), cells, "", COUNTS)

    def published(self, paper: Paper) -> list[Row]:
        """The paper's rows, in the paper's order."""
        rows = []
        for name, row in paper.tables[self.table].rows.items():
            cells: list[Cell] = []
            for group, _ in self.groups:
                prefix = f"{self.table}.{name}." + ("" if group == "all" else f"{group}.")
                for score in self.scores:
                    known = score.paper and paper_cell(paper, paper.cell(prefix + score.paper))
                    cells.append(known or missing(_NOT_PUBLISHED))
                cells += [paper_cell(paper, paper.cell(f"{prefix}user_preference"))] if self.votes else []
            rows.append(self._row(Cell(row.label), cells, "published", PUBLISHED))
        return rows

    def compared(self, numbers: Measured, asked: Sequence[Pair]) -> list[Row]:
        """Rows of differences on the frames that both methods have; ✓ where the first is better, ✗ where the second is.

        A mark says that the difference is larger than the smallest one of interest, by a test that is corrected for
        all cells of the given rows (Holm).
        """
        values = [
            (pair, score, numbers.difference(pair.a, pair.b, score, group))
            for pair in asked
            for group, _ in self.groups
            for score in self.scores
        ]
        p_values = holm([p_outside(value, numbers.least(score)) for _, score, value in values])
        cells: dict[Pair, list[Cell]] = {pair: [] for pair in asked}
        for (pair, score, value), p in zip(values, p_values, strict=True):
            cell = score_cell(value, score, "No frame has a value for both.", signed=True)
            beyond = p < 1 - numbers.metrics.confidence
            sign = mark((1 if value.mean > 0 else -1) if beyond else 0, score)
            cells[pair].append(Cell(cell.text + sign, cell.detail, cell.notes))
        return [self._row(Cell(pair.label), mine, "", pair.section) for pair, mine in cells.items()]


@dataclass(frozen=True)
class Pair:
    """Two methods whose difference, ``a - b``, is a row."""

    a: Scored
    b: Scored
    label: str
    section: str = ""


def mark(sign: int, score: Score) -> str:
    """✓ better, ✗ worse, "" where the sign of the difference is 0: nothing is decided."""
    return "" if sign == 0 else " ✓" if (sign > 0) == score.up else " ✗"


def here_rows(
    layout: ScoreColumns, numbers: Measured, names: Iterable[str], verdict: str, section: str, labels: dict[str, str]
) -> list[Row]:
    """A row for each named method, or several if it was measured with masks from several sources."""
    rows = []
    for name in names:
        label = labels.get(name, label_of(name))
        found = [of for of in numbers.scored() if of.name == name]
        rows += [layout.measured(numbers, of, label, verdict, section) for of in found]
        rows += [] if found else [layout.absent(label, NO_ROWS, section)]
    return rows


def heading_notes(paper: Paper | None, score: Score) -> tuple[str, ...]:
    """Notes on how the paper prints a metric's name; none without a paper."""
    if paper is None or score.metric != "lpips" or "lsips" not in paper.flaws:
        return ()
    return (f"Of the paper: {paper.flaws['lsips'].what}",)
