"""A download that is not whole: its bytes in ``<file>.part``, and in ``<file>.part.json`` where they came from.

What goes on from a part asks again for its last bytes and compares them: two different files are never joined.
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
    """A place does not give the archive, and asking again now would not help; says why in a few words."""


class Interruption(Exception):
    """A transfer broke off; what came is kept, and asking again may help."""


class OtherBytes(Exception):
    """The place offers other bytes than those that are here already."""


class Part:
    """The two files of a download under way."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._origin = target.with_name(f"{target.name}.part.json")

    @property
    def size(self) -> int:
        """How many bytes are here."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def place(self) -> str:
        """Where the bytes came from; "" when nobody knows."""
        return str(self._told().get("place", ""))

    @property
    def total(self) -> int | None:
        """How many bytes the whole has, where a place has said so."""
        found = self._told().get("total")
        return found if isinstance(found, int) else None

    def _told(self) -> dict[str, object]:
        try:
            found = json.loads(self._origin.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # a part without its origin is compared byte by byte like any other
        return found if isinstance(found, dict) else {}

    def tell(self, place: str, total: int | None) -> None:
        """Record where the bytes come from."""
        if (self.place, self.total) != (place, total):
            write_json(self._origin, {"place": place, "total": total})

    def drop(self) -> None:
        """Remove both files."""
        self.path.unlink(missing_ok=True)
        self._origin.unlink(missing_ok=True)

    def finish(self, target: Path) -> None:
        """Give the part its final name, once it is known to be whole."""
        with self.path.open("rb") as written:
            os.fsync(written.fileno())
        self.path.replace(target)
        self._origin.unlink(missing_ok=True)


class Sink:
    """Where a transfer writes: compares what is here already, and appends the rest.

    Args:
        part: of the download.
        came: told how many bytes were appended, again and again; may raise to stop the transfer.
    """

    def __init__(self, part: Part, came: Callable[[int], None]) -> None:
        self._part, self._came = part, came
        self._file: BinaryIO | None = None
        self._at = self._here = 0
        self._origin: tuple[str, int | None] = ("", None)

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def begin(self, at: int, place: str, total: int | None) -> None:
        """The first byte to come is number ``at``, which is not beyond what is here; of ``total``, if that is known."""
        self._at, self._here, self._origin = at, self._part.size, (place, total)
        if at > self._here:
            raise ValueError(f"a transfer that starts at {at} would leave a gap after {self._here} bytes")

    def write(self, data: bytes) -> int:
        """Take the next bytes."""
        if self._at == 0 and is_page(data[:1024]):
            raise Fault("answers with a web page and not with the archive")
        known = data[: max(0, self._here - self._at)]
        if known:
            with self._part.path.open("rb") as stream:
                stream.seek(self._at)
                if stream.read(len(known)) != known:
                    raise OtherBytes
        self._at += len(data)
        if fresh := data[len(known) :]:
            if self._file is None:
                # Not before: until something was found the same, the part is of where it came from.
                self._part.tell(*self._origin)
                self._file = self._part.path.open("ab")
            self._file.write(fresh)
            self._here += len(fresh)
            self._came(len(fresh))
        return len(data)

    def flush(self) -> None:
        """Hand over what was written to the system, which keeps it even when this process is killed."""
        if self._file is not None:
            self._file.flush()


@dataclass(frozen=True)
class Watch:
    """Who is told of a transfer while it goes on; each may raise to end it.

    Attributes:
        total: how many bytes the whole has, before the first is written; None when the place does not say.
        came: how many bytes came.
        stop: set when the user wants to end.
    """

    total: Callable[[int | None], None]
    came: Callable[[int], None]
    stop: threading.Event


def reason_of(error: Exception) -> str:
    """The innermost reason of a failed connection, in a few words."""
    while isinstance(cause := error.__cause__ or error.__context__, Exception):
        error = cause
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
