"""The paper's numbers and sentences (``reference/paper.yaml``), typed and strict.

A published cell has an id, ``<table>.<row>.<column>``. Reports use it to show our number beside the paper's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field

from tgvac.config import Record, nearest, parse, read_yaml
from tgvac.errors import BadInput

Direction = Literal["up", "down", "none"]


class Metric(Record):
    """A metric of the tables: its proper name, its heading as printed, and which way is better."""

    label: str
    printed: str
    direction: Direction
    decimals: int = Field(ge=0)


class Row(Record):
    """A row of a table: its label as printed."""

    label: str


class Column(Record):
    """A column of a table: its heading as printed, the heading above it, and what it measures."""

    label: str
    metric: str
    group: str | None = None
    difficulty: Literal["easy", "hard"] | None = None


class _Value(Record):
    value: float
    published_only: bool = False


class Table(Record):
    """A table of the paper; ``cells`` has exactly one value for each row and column."""

    title: str
    rows: dict[str, Row]
    columns: dict[str, Column]
    cells: dict[str, _Value]


class Quote(Record):
    """A sentence that states numbers: of cells (by id), or numbers that have no cell."""

    section: str
    text: str
    cells: dict[str, float] = Field(default_factory=dict)
    numbers: dict[str, float] = Field(default_factory=dict)


class Flaw(Record):
    """A misprint, a contradiction or an open point of the paper, and this project's choice."""

    kind: Literal["misprint", "contradiction", "open"]
    where: str
    what: str
    choice: str
    cells: tuple[str, ...] = ()


class _About(Record):
    title: str
    authors: str
    page: str


class _PaperFile(Record):
    format: Literal[1]
    paper: _About
    metrics: dict[str, Metric]
    tables: dict[str, Table]
    quotes: dict[str, Quote]
    flaws: dict[str, Flaw]


@dataclass(frozen=True)
class Cell:
    """One published number, with everything that a report says about it.

    Attributes:
        id: ``<table>.<row>.<column>``.
        table, row, column: the parts of the id; the column of Tables 2 and 3 is ``<difficulty>.<metric>``.
        value: as printed: a similarity, a distance, a share of votes, or a count.
        metric, direction, decimals: what it measures, which way is better, how many decimals are printed.
        difficulty: 'easy', 'hard', or None if the table has no classes.
        published_only: True if no program can produce a number of ours to compare with it.
        prose: values that sentences of the paper give for the same cell, by id of the quote.
        flaws: ids of the flaws that affect it.
    """

    id: str
    table: str
    row: str
    column: str
    value: float
    metric: str
    direction: Direction
    decimals: int
    difficulty: Literal["easy", "hard"] | None
    published_only: bool
    prose: Mapping[str, float]
    flaws: tuple[str, ...]

    @property
    def text(self) -> str:
        """The value as the paper prints it: '0.90', '1,797'."""
        return f"{self.value:,.{self.decimals}f}"

    @property
    def contradicted(self) -> bool:
        """Whether a sentence of the paper gives another value than the table."""
        return any(value != self.value for value in self.prose.values())


@dataclass(frozen=True)
class Paper:
    """The published tables: ``cells`` in the order of the tables, rows and columns."""

    title: str
    authors: str
    page: str
    metrics: Mapping[str, Metric]
    tables: Mapping[str, Table]
    quotes: Mapping[str, Quote]
    flaws: Mapping[str, Flaw]
    cells: Mapping[str, Cell] = field(repr=False)

    def cell(self, cell_id: str) -> Cell:
        """The cell with an id; a BadInput, which names the nearest id, if there is none."""
        if cell_id not in self.cells:
            raise BadInput(f"The paper has no cell '{cell_id}'; {nearest(cell_id, list(self.cells))}")
        return self.cells[cell_id]


def load_paper(path: Path) -> Paper:
    """Read and check ``paper.yaml``.

    Raises:
        BadInput: an unknown or missing key, a table whose cells don't match its rows and columns, or a mention
            of a metric or cell that doesn't exist.
    """
    raw = parse(_PaperFile, read_yaml(path), str(path))
    cells: dict[str, Cell] = {}
    for table_id, table in raw.tables.items():
        expected = {f"{table_id}.{row}.{column}": (row, column) for row in table.rows for column in table.columns}
        if wrong := sorted(expected.keys() ^ table.cells.keys()):
            raise BadInput(
                f"{path}: the rows, columns and cells of {table_id} disagree on '{wrong[0]}'; give each row and"
                " column one cell."
            )
        for cell_id, (row, name) in expected.items():
            column = table.columns[name]
            if column.metric not in raw.metrics:
                raise BadInput(f"{path}: no metric '{column.metric}'; {nearest(column.metric, list(raw.metrics))}")
            metric, value = raw.metrics[column.metric], table.cells[cell_id]
            cells[cell_id] = Cell(
                id=cell_id,
                table=table_id,
                row=row,
                column=name,
                value=value.value,
                metric=column.metric,
                direction=metric.direction,
                decimals=metric.decimals,
                difficulty=column.difficulty,
                published_only=value.published_only,
                prose={key: quote.cells[cell_id] for key, quote in raw.quotes.items() if cell_id in quote.cells},
                flaws=tuple(key for key, flaw in raw.flaws.items() if cell_id in flaw.cells),
            )
    about = raw.paper
    paper = Paper(about.title, about.authors, about.page, raw.metrics, raw.tables, raw.quotes, raw.flaws, cells)
    mentioned = [*(quote.cells for quote in raw.quotes.values()), *(flaw.cells for flaw in raw.flaws.values())]
    for cell_id in (each for ids in mentioned for each in ids):
        paper.cell(cell_id)
    return paper
