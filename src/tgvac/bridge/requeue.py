"""A job of SLURM whose time is nearly up: the stage stops, and the job goes back into the queue, where it goes on.

SLURM restarts jobs after a preemption or the failure of a node, but not at a time limit. So the profile asks for a
notice before it (``--signal=USR1@seconds``), and the stage requeues its own job. Only SLURM restarts jobs: Snakemake's
``retries`` would start a second one beside it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tgvac.bridge.cluster_job import REQUEUE
from tgvac.files import write_text
from tgvac.training.interruption import NOTICE, Interrupted


@contextlib.contextmanager
def requeued(record: Path, trains: bool) -> Iterator[None]:
    """Run a stage; when the notice has stopped it, requeue its job. Outside a cluster's job it does nothing.

    Args:
        record: where the step is kept at which a training was requeued.
        trains: whether the stage is a training, which saves its state and then stops. Other stages stop at once: what
            they have finished is kept, and each item is written as a whole or not at all.

    Raises:
        Interrupted: as the stage does, also when its job was requeued.
    """
    if REQUEUE not in os.environ or "SLURM_JOB_ID" not in os.environ:
        yield
        return
    if not trains:
        signal.signal(NOTICE, _stop)
    try:
        yield
        # Another training of the same name may stop at the same step.
        record.unlink(missing_ok=True)
    except Interrupted as stopped:
        if stopped.signal == NOTICE and _has_progressed(record, stopped.step):
            _requeue(os.environ["SLURM_JOB_ID"])
        raise


def _stop(number: int, frame: object) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise Interrupted(number)


def _has_progressed(record: Path, step: int | None) -> bool:
    """Whether a training has come farther than when it was last requeued; otherwise it would be so for ever."""
    if step is None:
        return True
    if record.is_file() and record.read_text(encoding="utf-8").strip() == str(step):
        print(
            f"tgvac: the job is still at step {step}, where it was last requeued, so it is not requeued again: its time"
            " limit is too short for a step, or the notice too early; raise `runtime` in the profile.",
            file=sys.stderr,
        )
        return False
    write_text(record, f"{step}\n")
    return True


def _requeue(job: str) -> None:
    print(f"time is nearly up: job {job} goes back into the queue, and goes on from what is saved", flush=True)
    try:
        done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, check=False, timeout=60)
        failed = done.stderr.strip() if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        failed = str(error)
    if failed:
        print(
            f"tgvac: job {job} could not be requeued ({failed}); run the same snakemake command again, and it goes on.",
            file=sys.stderr,
        )
