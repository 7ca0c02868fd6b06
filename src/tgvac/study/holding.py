"""The lock of a study's folder: held by the server while it runs, and by a build that replaces the folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.files import name_holder

LOCK = ".lock"


@contextlib.contextmanager
def holding(folder: Path, purpose: str) -> Iterator[None]:
    """Hold a study's folder, or refuse at once. The kernel lets go of it however the process ends.

    Args:
        purpose: what the folder is held for, for the message, such as "serve it".

    Raises:
        BadInput: when another process holds it, which the message names, or the lock cannot be written.
    """
    path = folder / LOCK
    try:
        stream = path.open("a+")
    except OSError as error:
        raise BadInput(
            f"{path} cannot be written ({error.strerror}); give your user the right to write in {folder} to {purpose}."
        ) from None
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            holder = stream.read().strip() or "with an unknown id"
            raise BadInput(
                f"Process {holder} serves or builds {folder}; stop it with Ctrl+C before you {purpose}."
            ) from None
        # The folder may have been replaced between opening the file and locking it.
        if not path.exists() or path.stat().st_ino != os.fstat(stream.fileno()).st_ino:
            raise BadInput(f"{folder} was replaced just now by another build; give the command again.")
        name_holder(stream.fileno(), os.getpid())
        yield
