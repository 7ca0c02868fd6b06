"""Whether a file is the archive it should be, before anything reads it: no page, no bomb, nothing that leads outside.

Archives are read where they lie and never unpacked. What is refused here is refused all the same, since others may
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

# What zipfile and gzip raise on damaged bytes; RuntimeError when these pretend to a cipher or another compression.
_DAMAGED = (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, OSError, RuntimeError, ValueError)
_HEAD = 1024
_PIECE = 1 << 20
_ZIP, _GZIP = (b"PK\x03\x04", b"PK\x05\x06"), b"\x1f\x8b"
_PAGE = (b"<!doctype html", b"<html", b"<head", b"<?xml")


def is_page(head: bytes) -> bool:
    """Whether a file that begins so is a page for people, as hosts send in place of an archive."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGE)


def check_archive(path: Path, params: FetchParams, name: str = "") -> None:
    """Refuse what is no archive of its name's kind, or no honest one; a zip's list of members is all that is read.

    Of a tar the first bytes are looked at: its members are checked while they are read (``pair_members``).

    Args:
        name: of the archive, where the file has another one for now.

    Raises:
        BadInput: in one sentence with the file and the remedy.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if is_page(head):
        raise BadInput(
            f"{path} is a web page and not an archive, as Google Drive sends when its quota for a file is used up;"
            " delete it, and fetch the archive later or from another place."
        )
    name = name or path.name
    if name.endswith(".zip"):
        if not head.startswith(_ZIP):
            raise BadInput(f"{path} is truncated or not a zip archive; delete it and fetch it again.")
        _check_zip(path, params)
    elif name.endswith((".gz", ".tgz")) and not head.startswith(_GZIP):
        raise BadInput(f"{path} is not compressed by gzip, as its name says; delete it and fetch it again.")


def check_through(path: Path, params: FetchParams, name: str) -> None:
    """Read an archive from end to end, as is due before its checksum is trusted that nobody has stated.

    Args:
        name: of the archive, where the file has another one for now.

    Raises:
        BadInput: when it is cut or damaged anywhere, or unpacks to more than the params let in.
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
        raise BadInput(f"{path} is cut short or damaged ({error}); delete it and fetch it again.") from None


def _read_through(path: Path, stream: IO[bytes] | gzip.GzipFile, most: float) -> None:
    count = 0
    while piece := stream.read(_PIECE):
        count += len(piece)
        if count > most:
            raise BadInput(
                f"{path} unpacks to more than {most:g} bytes, which is all that fetch.archive_max_bytes and"
                " fetch.archive_max_ratio let in; give the official archive, or raise these keys."
            )


def _check_zip(path: Path, params: FetchParams) -> None:
    with Store(path):
        pass  # tells a cut or damaged zip in its own words
    total = 0
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            _refuse_hostile(path, member)
            if member.file_size > params.member_max_bytes:
                raise BadInput(
                    f"{path}: {member.filename!r} would have {member.file_size} bytes, more than"
                    f" fetch.member_max_bytes ({params.member_max_bytes}) lets in; give the official archive, or raise"
                    " that key."
                )
            total += member.file_size
    for key, bound in (
        ("archive_max_bytes", params.archive_max_bytes),
        ("archive_max_ratio", params.archive_max_ratio * path.stat().st_size),
    ):
        if total > bound:
            raise BadInput(
                f"{path} would have {total} bytes unpacked, more than fetch.{key} ({getattr(params, key):g}) lets in;"
                " give the official archive, or raise that key."
            )


def _refuse_hostile(path: Path, member: zipfile.ZipInfo) -> None:
    name = PurePosixPath(member.filename)
    if name.is_absolute() or ".." in name.parts or "\\" in member.filename or member.filename[1:2] == ":":
        fault = "leads outside of the archive"
    elif stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        fault = "is a link or a device, not a plain file"
    else:
        return
    raise BadInput(f"{path}: the member {member.filename!r} {fault}; give the official archive.")


def check_folder(path: Path, params: FetchParams) -> None:
    """Check the zips that lie in a folder, as sources in several archives have them."""
    for archive in sorted(path.glob("*.zip")):
        check_archive(archive, params)
