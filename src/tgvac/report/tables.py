"""A table of a report, which is written as CSV, Markdown and HTML.

A cell without a value is never a number: it is printed as a dash with a note that has the reason. Notes are numbered in
order of appearance and printed below the table; in CSV they are in the cell.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby

DASH = "–"


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: what is printed; may have several lines.
        detail: a second, smaller part, such as an interval.
        notes: how to read it, or why it is a dash.
    """

    text: str
    detail: str = ""
    notes: tuple[str, ...] = ()

    @property
    def plain(self) -> str:
        return f"{self.text} {self.detail}" if self.detail else self.text


@dataclass(frozen=True)
class Column:
    """A column: its heading, the heading above it, and what it holds.

    Attributes:
        number: aligned to the right.
        prose: sentences, which may wrap.
    """

    label: str
    group: str = ""
    number: bool = True
    prose: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A row; consecutive rows of one section share a heading."""

    cells: tuple[Cell, ...]
    section: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: the name of its files.
        lead: sentences above the table.
        remarks: sentences below the numbered notes.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    lead: str = ""
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(f"{self.name}: a row has {len(row.cells)} cells for {len(self.columns)} columns")

    def notes(self) -> dict[str, int]:
        """The number of each note, in order of appearance."""
        seen: dict[str, int] = {}
        of_cells = [cell.notes for row in self.rows for cell in row.cells]
        for notes in [*(column.notes for column in self.columns), *of_cells]:
            for note in notes:
                seen.setdefault(note, len(seen) + 1)
        return seen


def missing(reason: str) -> Cell:
    """A cell without a value, with the reason."""
    return Cell(DASH, notes=(reason,))


def sections(table: Table) -> Iterator[tuple[str, list[Row]]]:
    """The rows by section, in order."""
    for name, rows in groupby(table.rows, key=lambda row: row.section):
        yield name, list(rows)


def to_csv(table: Table) -> str:
    """CSV with one line of headings; if the table has sections, they are the first column."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    sectioned = any(row.section for row in table.rows)
    heads = [f"{column.group}: {column.label}" if column.group else column.label for column in table.columns]
    writer.writerow(["Section", *heads] if sectioned else heads)
    for row in table.rows:
        cells = [f"{DASH} ({'; '.join(c.notes)})" if c.text == DASH and c.notes else c.plain for c in row.cells]
        cells = [text.replace("\n", "; ") for text in cells]
        writer.writerow([row.section, *cells] if sectioned else cells)
    return stream.getvalue()


def to_markdown(table: Table) -> str:
    """A Markdown document: title, lead, table, notes."""
    numbers = table.notes()

    def mark(text: str, notes: tuple[str, ...]) -> str:
        shown = escape(text, quote=False).replace("\\", "\\\\").replace("|", "\\|").replace("\n", "<br>")
        return f"{shown} <sup>{','.join(str(numbers[n]) for n in notes)}</sup>" if notes else shown

    lines = [f"# {escape(table.title, quote=False)}", ""]
    if table.lead:
        lines += [escape(table.lead, quote=False), ""]
    heads = [mark(f"{c.group}: {c.label}" if c.group else c.label, c.notes) for c in table.columns]
    lines.append(f"| {' | '.join(heads)} |")
    lines.append(f"| {' | '.join('--:' if c.number else ':--' for c in table.columns)} |")
    for name, rows in sections(table):
        if name:
            lines.append(f"| **{mark(name, ())}** |{' |' * (len(table.columns) - 1)}")
        lines += [f"| {' | '.join(mark(c.plain, c.notes) for c in row.cells)} |" for row in rows]
    lines += ["", *(f"{number}. {escape(note, quote=False)}" for note, number in numbers.items())]
    for remark in table.remarks:
        lines += ["", escape(remark, quote=False)]
    return "\n".join(lines).rstrip() + "\n"


def to_html(table: Table) -> str:
    """An HTML fragment: the table in a box that scrolls by itself, with its lead and notes; all text is escaped."""
    numbers = table.notes()

    def mark(notes: tuple[str, ...]) -> str:
        return f"<sup>{','.join(str(numbers[n]) for n in notes)}</sup>" if notes else ""

    parts = [f'<p class="lead">{escape(table.lead)}</p>'] if table.lead else []
    # The title is outside the box, so that scrolling does not move it away.
    title = escape(table.title)
    parts.append(
        f'<h3>{title}</h3>\n<div class="scroll" tabindex="0" role="region" aria-label="{title}"><table>\n<thead>'
    )
    # A vertical rule marks the start of a group of columns.
    groups = [column.group for column in table.columns]
    first = [p > 0 and groups[p] != groups[p - 1] for p in range(len(groups))]
    kinds = [
        " ".join(
            [*(["n"] if column.number else []), *(["prose"] if column.prose else []), *(["first"] if begins else [])]
        )
        for column, begins in zip(table.columns, first, strict=True)
    ]
    if any(groups):
        parts.append("<tr>")
        position = 0
        for group, same in groupby(groups):
            span = len(list(same))
            kind = f"group{' first' if first[position] else ''}" if group else "first" if first[position] else ""
            parts.append(f'<th colspan="{span}" scope="colgroup" class="{kind}">{escape(group)}</th>')
            position += span
        parts.append("</tr>")
    parts.append("<tr>")
    for column, kind in zip(table.columns, kinds, strict=True):
        parts.append(f'<th scope="col" class="{kind}">{escape(column.label)}{mark(column.notes)}</th>')
    parts.append("</tr></thead>\n<tbody>")
    for name, rows in sections(table):
        if name:
            parts.append(f'<tr class="section"><th colspan="{len(groups)}"><span>{escape(name)}</span></th></tr>')
        for row in rows:
            cells = []
            for position, (kind, cell) in enumerate(zip(kinds, row.cells, strict=True)):
                tag = f'th scope="row" class="{kind}"' if position == 0 else f'td class="{kind}"'
                detail = f' <span class="detail">{escape(cell.detail)}</span>' if cell.detail else ""
                shown = escape(cell.text).replace("\n", "<br>")
                cells.append(f"<{tag}>{shown}{mark(cell.notes)}{detail}</{tag[:2]}>")
            parts.append(f"<tr>{''.join(cells)}</tr>\n")
    parts.append("</tbody></table></div>\n")
    if numbers:
        parts.append('<ol class="notes">' + "".join(f"<li>{escape(note)}</li>" for note in numbers) + "</ol>\n")
    parts += [f'<p class="remark">{escape(remark)}</p>\n' for remark in table.remarks]
    return "".join(parts)
