"""Finding a published cell by its name, whose parts may be in any order after the table."""

from __future__ import annotations

import difflib

from tgvac.errors import BadInput
from tgvac.report.paper import Cell, Paper

_NAMED = 3
"""How many names an error suggests."""


def names_of(cell: Cell) -> tuple[str, ...]:
    """The two usual names of a cell: row first, as its id is, and row last, as one reads a table from its heading."""
    return cell.id, f"{cell.table}.{cell.column}.{cell.row}"


def find_cell(paper: Paper, name: str) -> Cell:
    """The cell that a name means: ``table2.ours.hard.lpips`` and ``table2.hard.lpips.ours`` are the same.

    Raises:
        BadInput: when there is none; names the nearest.
    """
    wanted = _parts(name)
    found = [cell for cell in paper.cells.values() if _parts(cell.id) == wanted]
    if len(found) == 1:
        return found[0]
    known = {alias: cell.id for cell in paper.cells.values() for alias in names_of(cell)}
    close = difflib.get_close_matches(name, list(known), n=2 * _NAMED, cutoff=0.4)
    near = list(dict.fromkeys(known[alias] for alias in close))[:_NAMED]
    hint = f"the nearest are {', '.join(near)}" if near else f"a cell is named as {next(iter(paper.cells))} is"
    raise BadInput(f"The paper has no cell '{name}'; {hint}.")


def _parts(name: str) -> tuple[str, tuple[str, ...]]:
    """The table, and the other parts in a fixed order."""
    table, *others = name.strip().lower().split(".")
    return table, tuple(sorted(others))
