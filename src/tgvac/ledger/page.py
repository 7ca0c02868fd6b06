"""The ledger as one HTML page, which opens offline and without scripts; pictures are in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby

from tgvac.ledger.chain import SAID, grouped
from tgvac.ledger.entry import Entry
from tgvac.ledger.findings import Findings
from tgvac.ledger.picture import Pictured
from tgvac.ledger.statements import Stated
from tgvac.report.page import template
from tgvac.report.tables import Table


@dataclass(frozen=True)
class Content:
    """Everything that the page shows.

    Attributes:
        entries: of all published cells, in the order of the tables.
        pictures: of the samples that moved numbers most, by cell.
        cost: the table of costs, which stands in files beside the page; None without figures.
    """

    found: Findings
    entries: Sequence[Entry]
    pictures: Mapping[str, Pictured]
    statements: Sequence[Stated]
    cost: Table | None


def render(content: Content) -> str:
    """The page as HTML; text from data is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    found, paper = content.found, content.found.paper
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_text("ledger.html.j2")).render(
        scale=found.ctx.scale,
        paper=paper,
        basis=found.basis,
        confidence=f"{found.params.metrics.confidence * 100:g} %",
        style=Markup(template("style.css.j2") + _text("ledger.css.j2")),
        tables=[_arranged(name, content) for name in paper.tables],
        pictures=content.pictures,
        around=_around(content.entries),
        chain_words=SAID,
        grouped=grouped,
        counts=_counts(content.entries),
        statements=content.statements,
        flaws=paper.flaws,
        flawed={name: [e.id for e in content.entries if name in e.all_flaws] for name in paper.flaws},
        cost=content.cost,
    )


def _arranged(name: str, content: Content) -> dict[str, object]:
    """A table of the paper: its groups of columns, and its rows of entries."""
    table = content.found.paper.tables[name]
    rows = {
        row.label: [entry for entry in content.entries if entry.id.startswith(f"{name}.{key}.")]
        for key, row in table.rows.items()
    }
    columns = list(table.columns.values())
    headed = [any(entry.heading_flaws for entry in below) for below in zip(*rows.values(), strict=True)]
    return {
        "id": name,
        "title": table.title,
        "number": name.removeprefix("table"),
        "groups": [(group or "", len(list(same))) for group, same in groupby(column.group for column in columns)],
        "columns": [(column.label, flawed) for column, flawed in zip(columns, headed, strict=True)],
        "rows": list(rows.items()),
    }


def _around(entries: Sequence[Entry]) -> dict[str, tuple[str, str]]:
    """The cells before and after each cell, by id, or ""."""
    ids = ["", *(entry.id for entry in entries), ""]
    return {ids[i]: (ids[i - 1], ids[i + 1]) for i in range(1, len(ids) - 1)}


def _counts(entries: Sequence[Entry]) -> dict[str, int]:
    return {
        "published": len(entries),
        "measured": sum(not entry.why for entry in entries),
        "misprinted": sum(entry.misprinted for entry in entries),
    }


def _text(name: str) -> str:
    return (files("tgvac.ledger") / "templates" / name).read_text(encoding="utf-8")
