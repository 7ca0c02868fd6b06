"""Several processes of one command that share a training: torch's variables are set, signals are passed on.

``torchrun`` does the same, but ends with an exit code of its own after a signal. A cluster must see from the exit code
that the state was saved and that the same command resumes (``tgvac.training.interruption.INTERRUPTED``).
"""

from __future__ import annotations

import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from tgvac.training.interruption import INTERRUPTED

GRACE_S = 60.0
"""Seconds that the others have to end after one has failed, before they are killed."""

_REFUSED = 2
"""Exit code of a process that has printed what the user must fix."""


def is_one_of_several() -> bool:
    """Whether this process was started as one that shares a training."""
    return "RANK" in os.environ


def rank() -> int:
    """The rank of this process; 0 if it is alone."""
    return int(os.environ.get("RANK", "0"))


def run_shared(arguments: Sequence[str], processes: int, threads: int) -> int:
    """Run ``tgvac <arguments>`` as several processes on this machine.

    Args:
        processes: number of processes.
        threads: number of threads of each process.

    Returns:
        0; ``INTERRUPTED`` if they ended after a signal; or the exit code of the first that failed (128 plus the
        signal's number if a signal ended it, as in shells). The others are then terminated, and killed if they go on.
    """
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(processes)}
    started = []
    for number in range(processes):
        ranks = {"RANK": str(number), "LOCAL_RANK": str(number), "LOCAL_WORLD_SIZE": str(processes)}
        environment = {**os.environ, **address, **ranks, "OMP_NUM_THREADS": str(threads)}
        started.append(subprocess.Popen([sys.executable, "-m", "tgvac", *arguments], env=environment))

    def pass_on(number: int, frame: object) -> None:
        for process in started:
            if process.poll() is None:
                process.send_signal(number)

    old = {s: signal.signal(s, pass_on) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    try:
        failed = _wait(started)
    finally:
        for process in started:
            process.kill()
            process.wait()
        for number, handler in old.items():
            signal.signal(number, handler)
    codes = [process.returncode for process in started]
    if failed is None:
        return INTERRUPTED if INTERRUPTED in codes else 0
    # Last, after the tracebacks of processes that lost it. Where all have refused, they have said why themselves.
    if set(codes) != {_REFUSED}:
        print(_failure(failed, codes), file=sys.stderr, flush=True)
    return codes[failed] if codes[failed] >= 0 else 128 - codes[failed]


def _wait(started: Sequence[subprocess.Popen[bytes]]) -> int | None:
    """Wait until all have ended or the grace period is over. Returns the rank of the one that failed first, or None."""
    failed, deadline = None, math.inf
    while time.monotonic() < deadline:
        # Poll all of them: a process that waits for a dead one does not end by itself.
        codes = [process.poll() for process in started]
        if deadline == math.inf and any(codes):
            failed, deadline = _first_failed(codes), time.monotonic() + GRACE_S
            for process in started if failed is not None else ():
                process.terminate()
        if None not in codes:
            break
        time.sleep(0.2)
    return failed


def _first_failed(codes: Sequence[int | None]) -> int | None:
    """The rank of the process that failed; None if they are ending after a signal.

    After a signal no process ends before the state is saved, so a later failure of another loses nothing.
    Of several, the one that a signal ended is the cause: the others fail because they have lost it.

    >>> _first_failed([1, -9]), _first_failed([None, 2]), _first_failed([75, None])
    (1, 1, None)
    """
    if INTERRUPTED in codes:
        return None
    ended = [(code > 0, rank) for rank, code in enumerate(codes) if code]
    return min(ended)[1] if ended else None


def _failure(failed: int, codes: Sequence[int]) -> str:
    """A sentence about the process that failed."""
    code = codes[failed]
    names = {number.value: number.name for number in signal.Signals}
    how = f"ended with exit code {code}" if code > 0 else f"was ended by {names.get(-code, f'signal {-code}')}"
    more = "the reason is above" if code == _REFUSED else "the same command resumes from the last checkpoint"
    return f"tgvac: rank {failed} of the {len(codes)} processes {how}, and the others were stopped; {more}."


def free_port() -> int:
    """A port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
