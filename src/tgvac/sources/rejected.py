"""``rejected.csv`` of the phases `sources` and `tracks`: what they leave out, and why.

video      ``<source>/<video>``
object     the object's id; empty where the whole video is left out
reason     a sentence

It is written for people and for the report; no later phase reads it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.files import write_text
from tgvac.sources.account import readable

REJECTED = "rejected.csv"
_COLUMNS = ["video", "object", "reason"]
# Pillow's messages contain the memory address of the object that it was given.
_ADDRESS = re.compile(r" ?<[^<>]* at 0x[0-9a-f]+>")


@dataclass(frozen=True, order=True)
class Rejected:
    """A video, or one object of it, that is left out; ``object`` is "" for the video."""

    video: str
    object: str
    reason: str

    @property
    def source(self) -> str:
        return self.video.partition("/")[0]

    @property
    def name(self) -> str:
        """The id of the video or of the track, for messages."""
        return f"{self.video}/{self.object}" if self.object else self.video


def reason_of(error: BadInput, path: Path) -> str:
    """What is wrong with a video: the text of the error, without paths of this machine.

    Args:
        path: the folder or archive of the source; files are named relative to it.
    """
    text = readable(_ADDRESS.sub("", str(error)))
    return text.replace(f"{path}: ", "").replace(f"{path}/", "").replace(str(path), path.name)


def write_rejected(path: Path, rejected: Iterable[Rejected]) -> None:
    """Write the table, sorted."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerows([_COLUMNS, *map(astuple, sorted(rejected))])
    write_text(path, text.getvalue())


def read_rejected(path: Path) -> list[Rejected]:
    """Read the table.

    Raises:
        BadInput: when it is missing or has other columns.
    """
    if not path.is_file():
        raise BadInput(f"{path} does not exist; run the phase that makes it (`tgvac phases` lists them).")
    with path.open(newline="", encoding="utf-8") as stream:
        columns, *rows = list(csv.reader(stream)) or [[]]
    if columns != _COLUMNS or any(len(row) != len(_COLUMNS) for row in rows):
        raise BadInput(f"{path} does not have the columns {', '.join(_COLUMNS)}; delete it and run its phase again.")
    return [Rejected(*row) for row in rows]
