"""Several processes of one command, which share a training: torch's variables set, signals passed on.

``torchrun`` does as much, but ends with an exit code of its own after a signal; a cluster is to see that the state
was saved and that the same command goes on (``tgvac.training.interruption.INTERRUPTED``).
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
"""How long the others may go on after one has ended early, before they are killed."""

_REFUSED = 2
"""Exit code of a process that has said in a sentence what the user is to mend."""


def is_one_of_several() -> bool:
    """Whether this process was started as one that shares a training."""
    return "RANK" in os.environ


def rank() -> int:
    """Its number; 0 where it is alone."""
    return int(os.environ.get("RANK", "0"))


def run_shared(arguments: Sequence[str], processes: int, threads: int) -> int:
    """Run ``tgvac <arguments>`` as so many processes of this machine.

    Args:
        threads: of each process.

    Returns:
        0; ``INTERRUPTED`` where they left after a signal; or the exit code of the first that failed, which is 128 and
        the signal's number where one ended it, as in shells. The others are told to stop, and killed if they don't.
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
    # Last, after whatever the others said as they lost it; all that have refused have said why themselves.
    if set(codes) != {_REFUSED}:
        print(_told(failed, codes), file=sys.stderr, flush=True)
    return codes[failed] if codes[failed] >= 0 else 128 - codes[failed]


def _wait(started: Sequence[subprocess.Popen[bytes]]) -> int | None:
    """Wait until all have ended, or those left have had their grace; the rank of the one that failed first."""
    failed, deadline = None, math.inf
    while time.monotonic() < deadline:
        # All of them each time: while one waits for another that is dead, it lives.
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
    """The rank of the process that failed; None where they are leaving after a signal.

    None leaves before the state is saved, so that nothing is lost by whatever happens to another then.
    Of several the one that a signal ended is the cause: others end with errors of their own as they lose it.

    >>> _first_failed([1, -9]), _first_failed([None, 2]), _first_failed([75, None])
    (1, 1, None)
    """
    if INTERRUPTED in codes:
        return None
    ended = [(code > 0, rank) for rank, code in enumerate(codes) if code]
    return min(ended)[1] if ended else None


def _told(failed: int, codes: Sequence[int]) -> str:
    """A sentence on the process that failed."""
    code = codes[failed]
    names = {number.value: number.name for number in signal.Signals}
    how = f"ended with exit code {code}" if code > 0 else f"was ended by {names.get(-code, f'signal {-code}')}"
    more = "it has said above why" if code == _REFUSED else "the same command goes on from the last checkpoint"
    return f"tgvac: rank {failed} of the {len(codes)} processes {how}, and the others were stopped; {more}."


def free_port() -> int:
    """A port of this machine that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
