"""Several processes of one command, which share a training: torch's variables set, signals passed on.

``torchrun`` does as much, but ends with an exit code of its own after a signal; a cluster is to see that the state
was saved and that the same command goes on (``tgvac.training.signals.INTERRUPTED``).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

GRACE_S = 60.0
"""How long the others may go on after one has failed, before they are killed."""


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
        0, or the first exit code that isn't; the others are told to stop, and killed if they don't.
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
        return _wait(started)
    finally:
        for process in started:
            process.kill()
            process.wait()
        for number, handler in old.items():
            signal.signal(number, handler)


def _wait(started: list[subprocess.Popen[bytes]]) -> int:
    failed, deadline = 0, float("inf")
    while any(process.poll() is None for process in started) and time.monotonic() < deadline:
        codes = [process.returncode for process in started if process.returncode]
        if codes and not failed:
            failed, deadline = codes[0], time.monotonic() + GRACE_S
            for process in started:
                if process.poll() is None:
                    process.terminate()
        time.sleep(0.2)
    found = failed or next((process.returncode for process in started if process.returncode), 0)
    return found if found >= 0 else 128 - found


def free_port() -> int:
    """A port of this machine that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
