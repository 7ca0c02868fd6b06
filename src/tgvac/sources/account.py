"""``account.csv`` of the phase `sources`: what became of each file of a source.

use       ``taken``, ``rejected`` or ``unused``
video     ``<source>/<video>`` for files of a video, else ``<source>``
path      the file, relative to the source; of several files of a video, the first
files     how many
note      the reason, or how a file was read

It is written for people and for the report; no later phase reads it.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from tgvac.files import write_text

ACCOUNT = "account.csv"
_COLUMNS = ("use", "video", "path", "files", "note")


@dataclass(frozen=True, order=True)
class Row:
    """Files with one fate.

    Attributes:
        video: the video that they belong to; "" for none.
        files: paths relative to the source, sorted.
        note: the reason, or how they were read; "" for nothing to say.
    """

    use: Literal["taken", "rejected", "unused"]
    video: str
    files: tuple[str, ...]
    note: str = ""


def rows_of(
    names: Iterable[str],
    videos: Mapping[str, Collection[str]],
    lists: Collection[str],
    rejected: Mapping[str, str],
    said: Mapping[str, str],
    why: Callable[[str], str],
) -> list[Row]:
    """The account of a source in a fixed layout.

    Args:
        names: all files of the source.
        videos: the files of each video.
        lists: files about all videos.
        rejected, said: notes on videos that are left out, and on the others.
        why: the reason why a file is unused.
    """
    rows = [
        Row("rejected" if v in rejected else "taken", v, tuple(sorted(files)), rejected.get(v, said.get(v, "")))
        for v, files in videos.items()
    ]
    if lists:
        rows.append(Row("taken", "", tuple(sorted(lists)), "about all videos"))
    used = set(lists).union(*videos.values()) if videos else set(lists)
    unused: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in names:
        if name not in used:
            unused[PurePosixPath(name).parent.as_posix(), why(name)].append(name)
    return rows + [Row("unused", "", tuple(sorted(files)), reason) for (_, reason), files in unused.items()]


def readable(text: str) -> str:
    """A text with what is not UTF-8 escaped, as in names of old file systems."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def write_account(path: Path, rows: Iterable[tuple[str, Row]]) -> None:
    """Write the table, sorted by source and video.

    Args:
        rows: each with its source.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for source, row in sorted(rows, key=lambda each: (each[0], each[1].video, each[1].files, each[1].use)):
        named = f"{source}/{row.video}" if row.video else source
        cells = (row.use, named, row.files[0] if row.files else "", str(len(row.files)), row.note)
        writer.writerow([readable(cell) for cell in cells])
    write_text(path, text.getvalue())
