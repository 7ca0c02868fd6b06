"""Zip archives: written with the same bytes every time, and checked when they are read."""

from __future__ import annotations

import itertools
import zipfile
import zlib
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType

from tgvac.errors import BadInput
from tgvac.files import writing

# Raised for damaged bytes. RuntimeError: the damaged bytes declare encryption or another compression.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
_EPOCH = (1980, 1, 1, 0, 0, 0)
MEMBER_MAX = 2**28
"""Bytes that a member of a zip may unpack to. A frame has a few megabytes; more is a zip bomb or another file."""


class ZipSink:
    """Adds members to an open zip, stored, with a fixed date and mode, so that the bytes depend only on the content."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def add(self, name: str, data: bytes) -> None:
        info = zipfile.ZipInfo(name, _EPOCH)
        info.external_attr = 0o644 << 16
        self._archive.writestr(info, data, compress_type=zipfile.ZIP_STORED)


@contextmanager
def zip_writing(path: Path) -> Iterator[ZipSink]:
    """Write a stored zip atomically; yields the sink for its members, which are kept in order."""
    with writing(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        yield ZipSink(archive)


class Store:
    """Reads the files of a folder or a zip by name; names are relative to a root and use '/'.

    Args:
        path: a folder, or a zip file.
        root: a folder inside it; only its files are read, and names are relative to it ("" for all).

    Raises:
        BadInput: when the path is missing, or the file is truncated or not a zip.
    """

    def __init__(self, path: Path, root: str = "") -> None:
        self.path, self._root = path, f"{root.strip('/')}/" if root.strip("/") else ""
        self._zip: zipfile.ZipFile | None = None
        self._stored: dict[str, str] = {}
        if path.is_dir():
            base = path / self._root
            self._names = sorted(p.relative_to(base).as_posix() for p in base.rglob("*") if p.is_file())
        elif path.is_file():
            try:
                self._zip = zipfile.ZipFile(path)
            except _DAMAGED as error:
                raise BadInput(
                    f"{path} is truncated or not a zip archive ({error}); delete it and fetch it again."
                ) from None
            # Some programs of Windows write names with backslashes.
            self._stored = {n.replace("\\", "/"): n for n in self._zip.namelist()}
            inside = [n for n in self._stored if n.startswith(self._root) and not n.endswith("/")]
            self._names = sorted(n[len(self._root) :] for n in inside)
        else:
            raise BadInput(f"{path} does not exist; put the archive there or give another path.")
        self._known = set(self._names)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._zip is not None:
            self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def names(self, under: str = "") -> list[str]:
        """All names that begin with ``under``, sorted."""
        first = bisect_left(self._names, under)
        following = (self._names[i] for i in range(first, len(self._names)))
        return list(itertools.takewhile(lambda n: n.startswith(under), following))

    def read(self, name: str) -> bytes:
        """The bytes of one member; for a zip, its checksum is verified.

        Only members that were found on opening can be read, so no name leads outside the store.
        """
        if name not in self._known or ".." in PurePosixPath(name).parts:
            raise BadInput(f"{self.describe(name)} is missing; restore it or give a complete copy of the data.")
        try:
            if self._zip is None:
                return (self.path / self._root / name).read_bytes()
            member = self._zip.getinfo(self._stored[self._root + name])
            if member.file_size <= MEMBER_MAX:
                return self._zip.read(member)
        except _DAMAGED as error:
            raise BadInput(f"{self.describe(name)} cannot be read ({error}); replace it with an intact copy.") from None
        raise BadInput(
            f"{self.describe(name)} unpacks to {member.file_size} bytes, more than the {MEMBER_MAX} that a frame or a"
            " list may have; replace it with an intact copy."
        )

    def crc(self, name: str) -> int:
        """CRC-32 of one member; a zip stores it, so only a folder's file has to be read."""
        if name not in self._known:
            raise BadInput(f"{self.describe(name)} is missing; restore it or give a complete copy of the data.")
        if self._zip is not None:
            return self._zip.getinfo(self._stored[self._root + name]).CRC
        try:
            checksum = 0
            with (self.path / self._root / name).open("rb") as stream:
                while block := stream.read(1 << 20):
                    checksum = zlib.crc32(block, checksum)
            return checksum
        except OSError as error:
            raise BadInput(f"{self.describe(name)} cannot be read ({error}); replace it with an intact copy.") from None

    def describe(self, name: str) -> str:
        """The name of a member in messages: its path on disk, or 'archive.zip: member'."""
        return f"{self.path}: {self._root}{name}" if self._zip else str(self.path / self._root / name)
