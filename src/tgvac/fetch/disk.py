"""Disk space, reserved by several downloads before they fill it."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from tgvac.errors import BadInput


class Disk:
    """The free space of the disk that a folder is on.

    Args:
        folder: need not exist yet.
        keep_free: bytes that no reservation may use.
    """

    def __init__(self, folder: Path, keep_free: int) -> None:
        self._folder, self._keep_free = folder, keep_free
        self._claims: dict[Path, int] = {}
        self._guard = threading.Lock()

    def free(self) -> int:
        """Free bytes, minus those to keep free; negative when these are already used."""
        there = next(p for p in (self._folder, *self._folder.parents) if p.exists())
        return shutil.disk_usage(there).free - self._keep_free

    def claim(self, target: Path, more: int) -> None:
        """Reserve the missing bytes of a file; this replaces an earlier reservation for the same file.

        Raises:
            BadInput: when they do not fit next to the other reservations.
        """
        with self._guard:
            others = sum(size for path, size in self._claims.items() if path != target)
            if more + others > self.free():
                raise BadInput(
                    f"{target} needs {_gb(more)} more"
                    + (f", other downloads need {_gb(others)}" if others else "")
                    + f", and {self._folder} has {_gb(max(0, self.free()))} free in addition to the"
                    f" {_gb(self._keep_free)} of fetch.keep_free_bytes; free some space or make data a link to a larger"
                    " disk, then run the same command again."
                )
            self._claims[target] = more

    def fill(self, target: Path, count: int) -> None:
        """Reduce a reservation by bytes that are now on the disk."""
        with self._guard:
            self._claims[target] = max(0, self._claims.get(target, 0) - count)

    def release(self, target: Path) -> None:
        """Drop the rest of a reservation."""
        with self._guard:
            self._claims.pop(target, None)


def _gb(count: int) -> str:
    return f"{count / 1e9:.2f} GB"
