"""``tgvac ledger``: writes the ledger of a scale.

ledger/index.html                  the page
ledger/cells.json                  all that it says of each cell, for programs
ledger/cost.{csv,md,html,tex}      what each method costs, as Snakemake measured it; differs from run to run
"""

from __future__ import annotations

from pathlib import Path

from tgvac.errors import BadInput
from tgvac.files import write_json, write_text
from tgvac.ledger.chain import Chains
from tgvac.ledger.costs import scale_costs
from tgvac.ledger.entries import entry_of
from tgvac.ledger.entry import Entry, as_record
from tgvac.ledger.findings import Findings, read_findings
from tgvac.ledger.page import Content, render
from tgvac.ledger.picture import Pictured, Pictures
from tgvac.ledger.statements import statements
from tgvac.progress import with_progress
from tgvac.report.table_files import write_table_files

CELLS_FORMAT = "tgvac-ledger-1"


def write_ledger(root: Path, scale: str) -> Path:
    """Write the ledger of a scale, and return the page.

    Raises:
        BadInput: an unknown scale, or one that has made nothing yet.
    """
    found = read_findings(root, scale)
    if not found.counted and not found.rows:
        raise BadInput(
            f"Scale '{scale}' has no results yet; make them by `tgvac run --scale {scale} --target metrics`."
        )
    chains = Chains(found.ctx.results)
    entries = [entry_of(found.answers[name], found, chains) for name in found.paper.cells]
    cost, out = scale_costs(root, found), found.ctx.out
    if cost is not None:
        write_table_files(out, cost)
    cells = [as_record(entry) for entry in entries]
    write_json(out / "cells.json", {"format": CELLS_FORMAT, "scale": scale, "cells": cells})
    content = Content(found, entries, _pictures(found, entries), statements(found.paper, found.params), cost)
    write_text(out / "index.html", render(content))
    return out / "index.html"


def _pictures(found: Findings, entries: list[Entry]) -> dict[str, Pictured]:
    """The picture of each entry that has one."""
    moved = [entry for entry in entries if entry.moved]
    if not moved:
        return {}
    pictures, drawn = Pictures(found), {}
    for entry in with_progress(moved, "ledger", len(moved)):
        score = found.answers[entry.id].score
        picture = pictures.draw(entry, score.decimals if score else 0)
        if picture is not None:
            drawn[entry.id] = picture
    return drawn
