"""The captions table: one caption per track, separate from the recipes, so that an edit changes no digest of pixels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tgvac.clips.tables import read_table, write_table

CAPTIONS_FORMAT = "tgvac-captions-2"
_COLUMNS = {
    "track": "string",
    "captioner": "string",
    "raw": "string",
    "text": "string",
    "frame": "int64",
    "model": "string",
}


class Caption(BaseModel):
    """The caption of one object.

    Attributes:
        captioner: where it comes from (``blip2``, ``given``, ``template``).
        raw: the given or generated text before cleaning.
        text: the model's input; never empty.
        frame: the frame of the track that was described; -1 if none was.
        model: the captioning model and its revision, or "".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    track: str
    captioner: str
    raw: str
    text: str
    frame: int = -1
    model: str = ""


def write_captions(path: Path, captions: Iterable[Caption]) -> None:
    """Write captions sorted by track."""
    write_table(path, [c.model_dump() for c in sorted(captions, key=lambda c: c.track)], _COLUMNS, CAPTIONS_FORMAT)


def read_captions(path: Path) -> dict[str, Caption]:
    """Captions by track id."""
    return {str(row["track"]): Caption.model_validate(row) for row in read_table(path, CAPTIONS_FORMAT)}
