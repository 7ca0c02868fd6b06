"""Jobs that a killed Snakemake has left in SLURM's queue.

Snakemake does not know them when it is started again, and would submit the same work beside them.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable
from pathlib import Path

from tgvac.cluster.site import Run, run_command
from tgvac.errors import BadInput

WAIT_S = 180.0
"""Seconds that cancelled jobs have to end; SLURM kills them after its ``KillWait``, 30 by default."""


def left_jobs(root: Path, run: Run) -> list[str]:
    """Ids of the user's jobs that a workflow in this folder has submitted and that have not ended.

    Args:
        run: runs a command of SLURM and returns its output.
    """
    # Job, its folder, and the comment that Snakemake's executor gives it.
    shown = run(["squeue", "--noheader", f"--user={getpass.getuser()}", "--format=%A|%Z|%k"])
    lines = [line.split("|", 2) for line in shown.splitlines()]
    ours = root.resolve().as_posix()
    return sorted({job for job, folder, comment in lines if folder == ours and comment.startswith(("rule_", "group_"))})


def cancel_left_jobs(
    root: Path, run: Run = run_command, sleep: Callable[[float], None] = time.sleep, wait: float = WAIT_S
) -> int:
    """Cancel jobs that an earlier run in this folder has left, and wait until they have ended.

    Call it only while no other run uses the folder. Trainings get SIGTERM and save their state.

    Args:
        sleep: waits for seconds.
        wait: seconds that they have to end.

    Returns:
        how many there were.

    Raises:
        BadInput: when some do not end.
    """
    left = left_jobs(root, run)
    if not left:
        return 0
    run(["scancel", *left])
    waited = 0.0
    while still := left_jobs(root, run):
        if waited >= wait:
            raise BadInput(
                f"Jobs of an earlier run in this folder do not end ({', '.join(still)}); look at them with squeue, and"
                " start again when they are gone."
            )
        sleep(1.0)
        waited += 1.0
    return len(left)
