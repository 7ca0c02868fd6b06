"""Folders for users: replaced as a whole when the new one is complete, and never over other files."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tgvac.errors import BadInput


@contextlib.contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """Yield a path beside ``out`` for a new folder. On success, it takes the place of ``out``.

    The old folder is moved aside by renaming before it is deleted. A kill between the two renames leaves it aside; the
    next writer of the same folder puts it back first.
    """
    staged, old = out.with_name(f".{out.name}.part"), out.with_name(f".{out.name}.old")
    _put_back(old, out)
    shutil.rmtree(staged, ignore_errors=True)
    try:
        yield staged
        shutil.rmtree(old, ignore_errors=True)
        if out.exists():
            out.rename(old)
        staged.rename(out)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        _put_back(old, out)
        shutil.rmtree(staged, ignore_errors=True)


def _put_back(old: Path, out: Path) -> None:
    if old.exists() and not out.exists():
        old.rename(out)


def refuse_others(out: Path, earlier: str, is_earlier: Callable[[Path], bool]) -> None:
    """Refuse a folder with files that ``replacing`` must not delete.

    Args:
        earlier: what may be replaced, for messages, such as "an earlier export".
        is_earlier: whether a folder that is not empty is one.

    Raises:
        BadInput: when it is a file, or has other files in it.
    """
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out} is a file; give a folder that is new, empty, or {earlier}.")
    if out.is_dir() and any(out.iterdir()) and not is_earlier(out):
        raise BadInput(f"{out} has other files in it; give a folder that is new, empty, or {earlier}.")
