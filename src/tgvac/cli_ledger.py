"""``tgvac explain`` and ``tgvac ledger``: published numbers, ours, and where ours come from (docs/ledger.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Scale = Annotated[str, typer.Option("--scale", "-s", help="A scale of workflow/scales/.")]


def explain(
    cell: Annotated[str, typer.Argument(help="A published cell, such as table2.hard.lpips.ours.")],
    scale: Scale = "tiny",
    commits: Annotated[
        int, typer.Option(min=0, help="Look through so many earlier commits for code that is not this clone's.")
    ] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with all params and whole digests.")] = False,
) -> None:
    """Explain a number of the paper's tables: ours beside it, then rows, shards, networks, params and commit."""
    from tgvac.ledger.explain import explain as run
    from tgvac.ledger.explain import to_json
    from tgvac.ledger.explain_text import to_text

    found = run(Path.cwd(), scale, cell, commits)
    print(to_json(found) if as_json else to_text(found))


def ledger(scale: Scale) -> None:
    """Write the ledger: one page with every published cell, ours beside it, and the sample that moved it most."""
    from tgvac.ledger.write import write_ledger

    print(f"the ledger is at {write_ledger(Path.cwd(), scale)}")
