"""Archives whose members arrive in any order: spooled to disk, then written in sorted order and reproducible."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tgvac.clips.archive import zip_writing
from tgvac.files import writing


class Spool:
    """The members of the archives of one folder, kept in one temporary file until the context ends.

    Args:
        folder: of the archives; it is created if needed.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed by __exit__)
        self._members: dict[str, dict[str, tuple[int, int]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._file.close()

    def add(self, archive: str, name: str, content: bytes) -> None:
        """Add a member to the archive with a file name."""
        members = self._members.setdefault(archive, {})
        if name in members:
            raise ValueError(f"{archive} has the member {name} already")
        self._file.seek(0, io.SEEK_END)
        members[name] = (self._file.tell(), len(content))
        self._file.write(content)

    def add_json(self, archive: str, name: str, value: Any) -> None:
        """Add a JSON file with sorted keys."""
        self.add(archive, name, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode())

    def write(self) -> None:
        """Write all archives, as ``.zip`` or ``.tar.gz`` by name. None appears before all of them are complete.

        Archives of an earlier publication that are not part of this one are removed, because readers of a data set with
        several archives use everything in its folder.
        """
        for path in self._folder.iterdir():
            if path.name.endswith((".zip", ".tar.gz")) and path.name not in self._members:
                path.unlink()
        with ExitStack() as stack:
            for archive in sorted(self._members):
                path = self._folder / archive
                if archive.endswith(".tar.gz"):
                    self._tar(archive, stack.enter_context(writing(path)))
                    continue
                sink = stack.enter_context(zip_writing(path))
                for name in sorted(self._members[archive]):
                    sink.add(name, self._read(archive, name))

    def _tar(self, archive: str, part: Path) -> None:
        # Images are compressed already. The headers of gzip and tar must not contain the time or the user.
        with (
            part.open("wb") as raw,
            gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as out,
        ):
            for name in sorted(self._members[archive]):
                info = tarfile.TarInfo(name)
                info.size, info.mode = self._members[archive][name][1], 0o644
                out.addfile(info, io.BytesIO(self._read(archive, name)))

    def _read(self, archive: str, name: str) -> bytes:
        start, length = self._members[archive][name]
        self._file.seek(start)
        return self._file.read(length)
