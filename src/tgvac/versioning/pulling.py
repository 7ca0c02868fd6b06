"""`tgvac pull`: results from a remote, after which Snakemake knows what is there and has nothing to do."""

from __future__ import annotations

from pathlib import Path

from tgvac.bridge.graph import Graph
from tgvac.errors import BadInput
from tgvac.files import locked
from tgvac.versioning.dvc_process import check_set_up, run_dvc
from tgvac.versioning.reconciling import reconcile


def pull(root: Path, graph: Graph, remote: str) -> list[str]:
    """Fetch a scale's results and enter them into Snakemake's records.

    Args:
        remote: its name; "" for the default one.

    Returns:
        sentences on what was made with other code, params or inputs than this folder has, and will be made again.

    Raises:
        BadInput: when the remote fails, or local results would be lost.
    """
    file = check_set_up(root, graph.scale)
    if not (root / file).with_name("dvc.lock").is_file():
        lock = Path(file).with_name("dvc.lock")
        raise BadInput(
            f"{lock} does not exist, so nothing of this scale was committed; check out a commit that has it."
        )
    with locked(root / "scratch" / "run.lock"):
        run_dvc(
            *(root, "pull", file, *(("--remote", remote) if remote else ())),
            remedies={
                "no remote": "add a remote first: `.venv/bin/dvc remote add -d NAME WHERE`.",
                "unsaved": "results here are not committed; run `tgvac commit` to keep them, or move them away.",
                "": "what has arrived stays, and the same command goes on from there.",
            },
        )
        return reconcile(root, graph, tell_all=True)
