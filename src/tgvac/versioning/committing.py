"""`tgvac commit` and `tgvac push`: what is finished goes into DVC's cache, and from there to a remote."""

from __future__ import annotations

from pathlib import Path

from tgvac.bridge.graph import Graph
from tgvac.errors import BadInput
from tgvac.phases import PHASES
from tgvac.status.by_content import Digests, states
from tgvac.status.by_dvc import AskDvc, only_code
from tgvac.status.every_job import every_job
from tgvac.versioning.dvc_process import check_set_up, run_dvc

_NO_REMOTE = "add a remote first: `.venv/bin/dvc remote add -d NAME WHERE` (a folder, ssh://… or s3://…)."
_AGAIN = "what has arrived stays, and the same command goes on from there."


def commit(root: Path, graph: Graph) -> list[str]:
    """Put the results of all finished phases into DVC's cache, whoever ran them: Snakemake here, or a cluster.

    Returns:
        the phases that are left out, since they are not fresh.

    Raises:
        BadInput: when no phase is finished, or DVC cannot be used.
    """
    file = check_set_up(root, graph.scale)
    unfinished = {job.phase.name for job, state in states(root, graph.scale, every_job(graph), Digests()) if state.why}
    finished = [phase.name for phase in PHASES if phase.name not in unfinished]
    if not finished:
        raise BadInput(f"No phase of scale '{graph.scale}' is finished; `tgvac status --scale {graph.scale}` says why.")
    remedies = {"space": "free some space, then repeat this.", "": "fix that, then repeat this."}
    run_dvc(root, "commit", "--force", *(f"{file}:{name}" for name in finished), remedies=remedies)
    return [phase.name for phase in PHASES if phase.name in unfinished]


def push(root: Path, scale: str, remote: str) -> None:
    """Copy what was committed to a remote.

    Args:
        remote: its name; "" for the default one.

    Raises:
        BadInput: when results differ from what was committed, or the remote fails.
    """
    file = check_set_up(root, scale)
    changed, why = AskDvc(root, scale).answer()
    if changed is None:
        raise BadInput(f"There is nothing to push: {why}; `tgvac commit --scale {scale}` does that.")
    # Stages watch whole packages, so a comment changes them; only other results are worth a stop.
    odd = sorted(name for name, changes in changed.items() if not only_code(changes))
    if odd:
        raise BadInput(
            f"{odd[0]} differs from what was committed ({changed[odd[0]][0]}); run `tgvac commit --scale {scale}`"
            " first."
        )
    run_dvc(
        *(root, "push", file, *(("--remote", remote) if remote else ())),
        remedies={"no remote": _NO_REMOTE, "config file error": _NO_REMOTE, "": _AGAIN},
    )
