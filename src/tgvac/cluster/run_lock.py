"""One run in a folder at a time, and whether locks hold between machines.

Snakemake's own lock stays behind when its process is killed. This one does not: the kernel, or the server of a network
file system, releases it however the process ends. So a profile for clusters switches Snakemake's lock off.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from pathlib import Path
from typing import TextIO

from tgvac.cluster.mounts import local_locks
from tgvac.errors import BadInput

_WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
_held: list[TextIO] = []
"""Open as long as the process lives, since closing a file releases its lock."""


def hold_run_lock(root: Path) -> str:
    """Take the lock of a project's folder for the rest of this process.

    Returns:
        a warning if the lock is seen on this machine alone, else "".

    Raises:
        BadInput: when another run has it, or the file system has no locks.
    """
    path = root / "scratch" / "run.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        stream.seek(0)
        holder = stream.read().strip()
        stream.close()
        if error.errno in _WITHOUT_LOCKS:
            raise BadInput(
                f"The file system of {root} has no locks (flock: {error.strerror}), without which two jobs could write"
                " the same files; ask for it to be mounted with them (Lustre: `flock`; NFS: lockd), or use another."
            ) from None
        raise BadInput(
            f"Another run is using this folder (process {holder or 'unknown'}); wait until it has ended, or stop it"
            " with Ctrl-C."
        ) from None
    stream.truncate(0)
    stream.write(f"{os.getpid()} on {socket.gethostname()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}\n")
    stream.flush()
    _held.append(stream)
    reason = local_locks(path)
    return (
        f"locks in {root} hold on this machine alone ({reason}): start runs in it from this machine only, or let it be"
        " mounted with locks for all machines"
        if reason
        else ""
    )
