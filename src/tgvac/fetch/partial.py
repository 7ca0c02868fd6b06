"""An incomplete download: its bytes in ``<file>.part``, and their origin in ``<file>.part.json``.

A resumed download requests the last bytes of the part again and compares them, so different files are never joined.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from tgvac.fetch.archive_checks import is_page
from tgvac.files import write_json


class Fault(Exception):
    """A place does not give the archive, and another attempt would not help. The message is a short reason."""


class Interruption(Exception):
    """A transfer was interrupted. The received bytes are kept, and another attempt may help."""


class OtherBytes(Exception):
    """The place offers bytes that differ from those of the part."""


class Part:
    """The two files of an incomplete download."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._origin = target.with_name(f"{target.name}.part.json")

    @property
    def size(self) -> int:
        """The number of bytes in the part."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def place(self) -> str:
        """The place where the bytes came from; "" when it is not known."""
        return str(self._read_origin().get("place", ""))

    @property
    def total(self) -> int | None:
        """The size of the complete file, if a place has stated it."""
        found = self._read_origin().get("total")
        return found if isinstance(found, int) else None

    def _read_origin(self) -> dict[str, object]:
        try:
            found = json.loads(self._origin.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # a part without a known origin is compared like any other
        return found if isinstance(found, dict) else {}

    def record(self, place: str, total: int | None) -> None:
        """Record the origin of the bytes."""
        if (self.place, self.total) != (place, total):
            write_json(self._origin, {"place": place, "total": total})

    def drop(self) -> None:
        """Remove both files."""
        self.path.unlink(missing_ok=True)
        self._origin.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """Give the part its final name; it must be complete."""
        with self.path.open("rb") as written:
            os.fsync(written.fileno())
        self.path.replace(target)
        self._origin.unlink(missing_ok=True)


class Sink:
    """The output of a transfer: compares bytes that the part already has, and appends the rest.

    Args:
        part: of the download.
        received: called with the number of bytes that were just appended; may raise to stop the transfer.
    """

    def __init__(self, part: Part, received: Callable[[int], None]) -> None:
        self._part, self._received = part, received
        self._file: BinaryIO | None = None
        self._at = self._here = 0
        self._origin: tuple[str, int | None] = ("", None)

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def begin(self, at: int, place: str, total: int | None) -> None:
        """Set the offset ``at`` of the next byte, which must be within the part, and ``total``, if it is known."""
        self._at, self._here, self._origin = at, self._part.size, (place, total)
        if at > self._here:
            raise ValueError(f"a transfer that starts at {at} would leave a gap after {self._here} bytes")

    def write(self, data: bytes) -> int:
        """Take the next bytes."""
        if self._at == 0 and is_page(data[:1024]):
            raise Fault("answers with a web page instead of the archive")
        known = data[: max(0, self._here - self._at)]
        if known:
            with self._part.path.open("rb") as stream:
                stream.seek(self._at)
                if stream.read(len(known)) != known:
                    raise OtherBytes
        self._at += len(data)
        if fresh := data[len(known) :]:
            if self._file is None:
                # Not earlier: until the overlap was compared, the part still has its old origin.
                self._part.record(*self._origin)
                self._file = self._part.path.open("ab")
            self._file.write(fresh)
            self._here += len(fresh)
            self._received(len(fresh))
        return len(data)

    def flush(self) -> None:
        """Pass written bytes to the operating system, which keeps them even when this process is killed."""
        if self._file is not None:
            self._file.flush()


@dataclass(frozen=True)
class Watch:
    """The callbacks of a transfer; each may raise to end it.

    Attributes:
        total: called before the first byte is written, with the size of the complete file; None when it is not known.
        received: called with the number of bytes that were just received.
        stop: set when the user interrupts.
    """

    total: Callable[[int | None], None]
    received: Callable[[int], None]
    stop: threading.Event


def reason_of(error: Exception) -> str:
    """The innermost reason of a failed connection, in a few words."""
    while isinstance(cause := error.__cause__ or error.__context__, Exception):
        error = cause
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
