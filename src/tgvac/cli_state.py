"""The command that says how far a scale is: ``tgvac status``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

Scale = Annotated[str, typer.Option("--scale", "-s", help="A scale of workflow/scales/.")]


def status(
    scale: Scale = "tiny",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say of each phase whether it is fresh, stale (and why), missing or running, and whether all tools agree.

    Runs nothing. Snakemake, DVC and MLflow are asked by their own records.
    """
    from tgvac.bridge.graph import Graph
    from tgvac.status.table import status as found_in
    from tgvac.status.table import text

    root = Path.cwd()
    found = found_in(root, Graph.load({"scale": scale}, root))
    if as_json:
        rows = [asdict(row) | {"fresh": row.fresh} for row in found.rows]
        print(json.dumps({"scale": scale, "phases": rows, "remarks": found.remarks}, indent=1))
        return
    print(text(scale, found))
