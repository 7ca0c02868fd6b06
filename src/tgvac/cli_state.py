"""The commands on the state of a scale: ``tgvac status``, ``commit``, ``push`` and ``pull``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

Scale = Annotated[str, typer.Option("--scale", "-s", help="A scale of workflow/scales/.")]
Remote = Annotated[str, typer.Option("--remote", "-r", help="A remote of DVC; the default one if left out.")]


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


def commit(scale: Scale = "tiny") -> None:
    """Put all finished results of a scale under DVC, after a run here or on a cluster."""
    from tgvac.bridge.graph import Graph
    from tgvac.versioning.committing import commit as put

    root = Path.cwd()
    left_out = put(root, Graph.load({"scale": scale}, root))
    if left_out:
        print(f"left out, since they are not fresh: {', '.join(left_out)}")
    print("committed to DVC; `git add` and commit dvc.lock, then `tgvac push` copies the results to a remote")


def push(scale: Scale = "tiny", remote: Remote = "") -> None:
    """Copy what `tgvac commit` has put under DVC to a remote."""
    from tgvac.versioning.committing import push as send

    send(Path.cwd(), scale, remote)


def pull(scale: Scale = "tiny", remote: Remote = "") -> None:
    """Fetch a scale's results from a remote; afterwards Snakemake has nothing to do."""
    from tgvac.bridge.graph import Graph
    from tgvac.versioning.pulling import pull as fetch

    root = Path.cwd()
    for sentence in fetch(root, Graph.load({"scale": scale}, root), remote):
        print(f"made otherwise than this folder makes it, so `tgvac run` will make it again: {sentence}")
    print(f"results/{scale} is there, and Snakemake knows it; `tgvac status --scale {scale}` shows it")
