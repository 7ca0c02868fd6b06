"""The members of the pix2gestalt release, streamed from its tar or from a folder: the part and the pair of each.

occlusion/<id>_occlusion.png                     the object behind an occluder
whole/<id>_whole.png                             the whole object on white
whole_mask/<id>_whole_mask.png                   its mask
visible_object_mask/<id>_visible_mask.png        the mask of its visible part
captions.json                                    optional, ours: {id: sentence}

The folder name gives the part. The file name begins with the id; the rest of it is ignored.
"""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO

from tgvac.clips.pair_clips import CAPTIONS
from tgvac.errors import BadInput

_FOLDERS = {
    "occlusion": "occlusion",
    "whole": "whole",
    "whole_mask": "whole_mask",
    "visible_object_mask": "visible_mask",
    "visible_mask": "visible_mask",
}
# An id ends with the last of its consecutive words that have a digit: the id of sa_12_3_visible_mask is sa_12_3.
_ID = re.compile(r"(?:[A-Za-z]+[_-])*?[A-Za-z]*\d[A-Za-z0-9]*(?:[_-][A-Za-z]*\d[A-Za-z0-9]*)*")
_NAMING = frozenset(
    (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
)
_LONGEST_NAMING = 1 << 16  # bytes of a header with long names, which tarfile reads at once


def pair_of(stem: str) -> str | None:
    """The id in a file name without extension, or None.

    >>> pair_of("sa_223750_visible_mask"), pair_of("17"), pair_of("17_2_whole")
    ('sa_223750', '17', '17_2')
    """
    match = _ID.match(stem)
    return match[0] if match else None


def part_of(name: str) -> tuple[str, str] | None:
    """The id of the pair and the part (one of ``PARTS``) of a member, or None for any other file."""
    path = PurePosixPath(name)
    part = _FOLDERS.get(path.parent.name)
    pair = pair_of(path.stem)
    return (pair, part) if part and pair and path.suffix == ".png" else None


class Members:
    """Yields ``(name, bytes)`` of each part and of ``captions.json``, once, with one in memory at a time.

    Args:
        path: a tar, compressed or not, or a folder.
        max_bytes: limit of the size of a part; a larger one is refused before it is read.
        captions_max_bytes: the same for ``captions.json``.
        total_max_bytes: limit of the unpacked size of all members of a tar, used or not.
        read: called with the number of bytes that were just read from the tar (or from the files of the folder).

    Raises:
        BadInput: when a member is too large, has a path outside the archive, or is not a plain file; when the tar is
            truncated or damaged.
    """

    def __init__(
        self, path: Path, max_bytes: int, captions_max_bytes: int, total_max_bytes: float, read: Callable[[int], None]
    ) -> None:
        self._path, self._total, self._read = path, total_max_bytes, read
        self._limits = {"part": max_bytes, "captions": captions_max_bytes}
        self.unused: Counter[str] = Counter()
        """Files that are no part of a pair, by folder; complete after everything was read."""
        self.archive: str | None = None
        """SHA-256 of the tar, after everything was read; None for a folder."""

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        return self._of_folder() if self._path.is_dir() else self._of_tar()

    def _wanted(self, name: str, size: int) -> bool:
        kind = "captions" if PurePosixPath(name).name == CAPTIONS else "part" if part_of(name) else None
        if kind and size > self._limits[kind]:
            key = "pair_max_bytes" if kind == "part" else "pair_captions_max_bytes"
            raise BadInput(
                f"{self._path}: {name!r} has {size} bytes, more than sources.{key} ({self._limits[kind]}) allows;"
                " give the official archive, or raise that key."
            )
        if kind is None:
            self.unused[PurePosixPath(name).parent.as_posix()] += 1
        return kind is not None

    def _of_folder(self) -> Iterator[tuple[str, bytes]]:
        for folder, _, files in _walk(self._path):
            for file in files:
                path = folder / file
                name = path.relative_to(self._path).as_posix()
                if self._wanted(name, path.stat().st_size):
                    data = path.read_bytes()
                    self._read(len(data))
                    yield name, data

    def _of_tar(self) -> Iterator[tuple[str, bytes]]:
        total = 0
        with self._path.open("rb") as file:
            stream = _Hashed(file, self._read)
            try:
                with tarfile.open(fileobj=stream, mode="r|*", tarinfo=_StrictInfo) as tar:  # type: ignore[call-overload]
                    while (member := tar.next()) is not None:
                        # tarfile keeps every member that it has read, which would be gigabytes here.
                        tar.members.clear()
                        self._refuse_hostile(member)
                        total += member.size
                        if total > self._total:
                            raise BadInput(
                                f"{self._path} unpacks to more than {self._total:g} bytes, the limit set by"
                                " fetch.archive_max_bytes and fetch.archive_max_ratio; give the official archive, or"
                                " raise these keys."
                            )
                        if member.isreg() and self._wanted(member.name, member.size):
                            content = tar.extractfile(member)
                            yield member.name, content.read() if content else b""
                while stream.read(1 << 20):
                    pass
            except (tarfile.TarError, EOFError, OSError, zlib.error, LZMAError) as error:
                raise BadInput(
                    f"{self._path} is truncated, damaged or not a tar archive ({error}); delete it and fetch it again."
                ) from None
        self.archive = stream.digest()

    def _refuse_hostile(self, member: tarfile.TarInfo) -> None:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or "\\" in member.name:
            fault = "has a path outside the archive"
        elif member.issparse() or not (member.isreg() or member.isdir()):
            fault = "is a link or a device, not a plain file"
        else:
            return
        raise BadInput(f"{self._path}: the member {member.name!r} {fault}; give the official archive.")


class _StrictInfo(tarfile.TarInfo):
    """Makes a damaged or truncated header an error. tarfile silently takes it for the end of the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _StrictInfo:
        try:
            info = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if len(buf) == tarfile.BLOCKSIZE and not any(buf):
                raise  # the regular end of the archive
            raise tarfile.ReadError(str(error)) from None
        if info.type in _NAMING and info.size > _LONGEST_NAMING:
            raise tarfile.ReadError(f"a header of {info.size} bytes")
        return info


class _Hashed:
    """A file that is read forward, with its SHA-256 computed while reading."""

    def __init__(self, file: IO[bytes], read: Callable[[int], None]) -> None:
        self._file, self._report, self._hash = file, read, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        self._report(len(data))
        return data

    def digest(self) -> str:
        return self._hash.hexdigest()


def _walk(path: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """``os.walk`` in sorted order, without hidden files and folders."""
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        yield Path(folder), folders, sorted(f for f in files if not f.startswith("."))


def size_of(path: Path) -> int:
    """How many bytes :class:`Members` will read, for progress."""
    if path.is_file():
        return path.stat().st_size
    return sum((folder / file).stat().st_size for folder, _, files in _walk(path) for file in files)


def identity_of(path: Path) -> str:
    """A digest of the names, sizes and times of a tar or folder. It shows changes without reading any content."""
    found = hashlib.sha256()
    rows = ((f, file) for f, _, files in _walk(path) for file in files) if path.is_dir() else [(path.parent, path.name)]
    for folder, file in rows:
        stat = (folder / file).stat()
        name = (folder / file).relative_to(path).as_posix() if path.is_dir() else ""
        found.update(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return found.hexdigest()
