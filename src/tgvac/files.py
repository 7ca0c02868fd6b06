"""Atomic writes, digests of files, and locks."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``. On success, flush the file to disk and rename it to ``path``.

    A partial file never has the final name. After an error the temporary file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(path)
    try:
        yield part
        _publish(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def writing_apart(path: Path) -> Iterator[Path]:
    """Like ``writing``, for libraries such as safetensors that write a temporary file of their own beside the path.

    If they are killed, that file is left in a hidden folder, which the next writer of the same file clears.
    """
    folder = _beside(path)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        part = folder / path.name
        yield part
        _publish(part, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _beside(path: Path) -> Path:
    """Where a file is written before it has its name.

    The name follows from the target, so that the next write replaces what a killed process left. Each file has one
    writer at a time, since a stage holds a lock.
    """
    tail = hashlib.sha256(path.name.encode()).hexdigest()[:8]
    return path.with_name(f".{path.name[:60]}.{tail}.part")


def _publish(part: Path, path: Path) -> None:
    """Flush a file to disk and give it its name."""
    with part.open("rb") as written:
        os.fsync(written.fileno())
    part.chmod(0o644)
    part.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, UTF-8."""
    with writing(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON with sorted keys, atomically: the same value gives the same bytes."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def sha256(path: Path) -> str:
    """SHA-256 (hex) of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold an exclusive lock on a file. The kernel releases it however the process ends.

    Yields the file's descriptor: a child that inherits it (``pass_fds``) holds the lock, too. The file names the
    process that holds it, so that others can say what they wait for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            holder = stream.read().strip() or "with an unknown id"
            print(f"waiting for process {holder}, which holds {path}", flush=True)
            fcntl.flock(stream, fcntl.LOCK_EX)
        name_holder(stream.fileno(), os.getpid())
        yield stream.fileno()


def name_holder(lock: int, process: int) -> None:
    """Write the id of the process that holds a lock into the lock's file, by its descriptor."""
    os.ftruncate(lock, 0)
    os.write(lock, f"{process}\n".encode())
