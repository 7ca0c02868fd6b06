"""Checks of an archive before anything reads it: no web page, no zip bomb, no paths outside the archive.

The workflow reads archives in place and never unpacks them. Unsafe archives are refused anyway, because others may
unpack them.
"""

from __future__ import annotations

import gzip
import stat
import zipfile
import zlib
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO

from tgvac.clips.archive import Store
from tgvac.errors import BadInput
from tgvac.fetch.params import FetchParams

# What zipfile and gzip raise on damaged bytes; RuntimeError if these look like encryption or another compression.
_DAMAGED = (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, OSError, RuntimeError, ValueError)
_HEAD = 1024
_PIECE = 1 << 20
_ZIP, _GZIP = (b"PK\x03\x04", b"PK\x05\x06"), b"\x1f\x8b"
_PAGE = (b"<!doctype html", b"<html", b"<head", b"<?xml")


def is_page(head: bytes) -> bool:
    """Whether a file that begins with these bytes is a web page, which hosts may send instead of an archive."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGE)


def check_archive(path: Path, params: FetchParams, name: str = "") -> None:
    """Refuse a file that is not an archive of the kind in its name, or is unsafe. Only the directory of a zip is read.

    For a tar, only the first bytes are checked; its members are checked while they are read (``pair_members``).

    Args:
        name: of the archive, if the file currently has another name.

    Raises:
        BadInput: names the file and what to do.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if is_page(head):
        raise BadInput(
            f"{path} is a web page, not an archive (Google Drive sends one when the quota of a file is exceeded);"
            " delete it, and fetch the archive later or from another place."
        )
    name = name or path.name
    if name.endswith(".zip"):
        if not head.startswith(_ZIP):
            raise BadInput(f"{path} is truncated or not a zip archive; delete it and fetch it again.")
        _check_zip(path, params)
    elif name.endswith((".gz", ".tgz")) and not head.startswith(_GZIP):
        raise BadInput(f"{path} is not compressed with gzip, although its name says so; delete it and fetch it again.")


def check_through(path: Path, params: FetchParams, name: str) -> None:
    """Read a whole archive. This is needed before trusting a checksum that the publisher does not state.

    Args:
        name: of the archive, if the file currently has another name.

    Raises:
        BadInput: when it is truncated or damaged anywhere, or unpacks to more than the params allow.
    """
    bound = min(params.archive_max_bytes, params.archive_max_ratio * path.stat().st_size)
    try:
        if name.endswith(".zip"):
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    with archive.open(member) as stream:
                        _read_through(path, stream, member.file_size)
        elif name.endswith((".gz", ".tgz")):
            with gzip.open(path) as stream:
                _read_through(path, stream, bound)
    except _DAMAGED as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{path} is truncated or damaged ({error}); delete it and fetch it again.") from None


def _read_through(path: Path, stream: IO[bytes] | gzip.GzipFile, most: float) -> None:
    count = 0
    while piece := stream.read(_PIECE):
        count += len(piece)
        if count > most:
            raise BadInput(
                f"{path} unpacks to more than {most:g} bytes, the limit set by fetch.archive_max_bytes and"
                " fetch.archive_max_ratio; give the official archive, or raise these keys."
            )


def _check_zip(path: Path, params: FetchParams) -> None:
    with Store(path):
        pass  # raises an error of its own for a truncated or damaged zip
    total = 0
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            _refuse_hostile(path, member)
            if member.file_size > params.member_max_bytes:
                raise BadInput(
                    f"{path}: {member.filename!r} unpacks to {member.file_size} bytes, more than"
                    f" fetch.member_max_bytes ({params.member_max_bytes}) allows; give the official archive, or raise"
                    " that key."
                )
            total += member.file_size
    for key, bound in (
        ("archive_max_bytes", params.archive_max_bytes),
        ("archive_max_ratio", params.archive_max_ratio * path.stat().st_size),
    ):
        if total > bound:
            raise BadInput(
                f"{path} unpacks to {total} bytes, more than fetch.{key} ({getattr(params, key):g}) allows;"
                " give the official archive, or raise that key."
            )


def _refuse_hostile(path: Path, member: zipfile.ZipInfo) -> None:
    # Some programs of Windows write names with backslashes, which readers take for slashes.
    name = PurePosixPath(member.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or member.filename[1:2] == ":":
        fault = "has a path outside the archive"
    elif stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        fault = "is a link or a device, not a plain file"
    else:
        return
    raise BadInput(f"{path}: the member {member.filename!r} {fault}; give the official archive.")


_OPENED = {"youtube_vos": ("train.zip", "train_all_frames.zip")}
"""The archives that a layout's reader needs in a folder. Others lie there unread, and end nothing.

LaSOT has a zip for each category. Its reader leaves out those that it cannot open, and reads no member that is too
large.
"""


def check_folder(path: Path, params: FetchParams, layout: str) -> None:
    """Check the zips in a folder that will be opened, for sources with several archives."""
    for pattern in _OPENED.get(layout, ()):
        for archive in sorted(path.glob(pattern)):
            check_archive(archive, params)
