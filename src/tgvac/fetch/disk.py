"""Room on the disk, claimed before it is filled, by several downloads at once."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from tgvac.errors import BadInput


class Disk:
    """The free room of the disk on which a folder lies.

    Args:
        folder: which need not be there yet.
        keep_free: bytes that no claim may touch.
    """

    def __init__(self, folder: Path, keep_free: int) -> None:
        self._folder, self._keep_free = folder, keep_free
        self._claims: dict[Path, int] = {}
        self._guard = threading.Lock()

    def free(self) -> int:
        """Bytes that are free now, less those to be kept free; below 0 where these are used already."""
        there = next(p for p in (self._folder, *self._folder.parents) if p.exists())
        return shutil.disk_usage(there).free - self._keep_free

    def claim(self, target: Path, more: int) -> None:
        """Claim what a file still lacks; a new claim for the same file takes the old one's place.

        Raises:
            BadInput: when it does not fit beside the claims of others.
        """
        with self._guard:
            others = sum(size for path, size in self._claims.items() if path != target)
            if more + others > self.free():
                raise BadInput(
                    f"{target} lacks {_gb(more)}"
                    + (f", other downloads {_gb(others)}" if others else "")
                    + f", and {self._folder} has room for {_gb(max(0, self.free()))} beside the"
                    f" {_gb(self._keep_free)} of fetch.keep_free_bytes; free some space or let data lead to a larger"
                    " disk, then run the same command again."
                )
            self._claims[target] = more

    def came(self, target: Path, count: int) -> None:
        """Bytes that were claimed are on the disk now."""
        with self._guard:
            self._claims[target] = max(0, self._claims.get(target, 0) - count)

    def release(self, target: Path) -> None:
        """Give up what is left of a claim."""
        with self._guard:
            self._claims.pop(target, None)


def _gb(count: int) -> str:
    return f"{count / 1e9:.2f} GB"
