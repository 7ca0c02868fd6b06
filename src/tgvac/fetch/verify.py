"""Verification that a file is the archive that the registry describes or that the user trusts."""

from __future__ import annotations

from pathlib import Path

from tgvac.errors import BadInput
from tgvac.fetch.archive_checks import check_archive, check_through
from tgvac.fetch.params import FetchParams
from tgvac.fetch.registry import Archive, Source
from tgvac.fetch.trust import Trust
from tgvac.files import sha256

_AGAIN = (
    "delete it and fetch it again",
    "delete it and fetch it again, or remove its entry from the lock if the publisher has changed the archive",
)


def archive_path(data: Path, source: Source, archive: Archive) -> Path:
    """The path of an archive, whether it exists or not."""
    return data / source.name / archive.file


def verify(source: Source, archive: Archive, path: Path, params: FetchParams, trust: Trust) -> None:
    """Check the kind of an archive, and its size and checksum against the registry and the user's lock.

    An archive that is not in the lock yet is added to it. A file with the size and modification time of the lock is not
    read again.

    Raises:
        BadInput: names the file and what to do.
    """
    key, stat = f"{source.name}/{archive.file}", path.stat()
    known = trust.archive(key)
    stated = {
        "the registry": (archive.bytes, archive.sha256),
        str(trust.lock_file): (known["bytes"], known["sha256"]) if known else (None, None),
    }
    check_archive(path, params, archive.file)
    for who, (size, _) in stated.items():
        if size is not None and stat.st_size != size:
            raise BadInput(
                f"{path} has {stat.st_size} bytes, but {who} says {size}; it is not complete:"
                f" {_AGAIN[known is not None]}."
            )
    if is_verified(source, archive, path, trust):
        return
    if archive.sha256 is None and known is None:
        check_through(path, params, archive.file)
    found = sha256(path)
    for who, (_, checksum) in stated.items():
        if checksum is not None and found != checksum:
            raise BadInput(
                f"{path} has the checksum {found[:12]}…, but {who} says {checksum[:12]}…; {_AGAIN[known is not None]}."
            )
    trust.record(key, path, found)


def is_verified(source: Source, archive: Archive, path: Path, trust: Trust) -> bool:
    """Whether a file is unchanged since it was verified, by size and time, and still agrees with the registry."""
    known = trust.archive(f"{source.name}/{archive.file}")
    if known is None or not path.is_file():
        return False
    stat = path.stat()
    return (
        (stat.st_size, stat.st_mtime_ns) == (known["bytes"], known["mtime_ns"])
        and archive.sha256 in (None, known["sha256"])
        and archive.bytes in (None, known["bytes"])
    )
