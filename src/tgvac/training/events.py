"""The events of a training: one line of JSON per logged step. A run that resumes drops the lines of later steps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from tgvac.files import write_text

Event = dict[str, float]
"""``step`` and further numbers by name."""


def line_of(event: Mapping[str, float]) -> str:
    """An event as a line of JSON with sorted keys."""
    return json.dumps(event, sort_keys=True) + "\n"


def write_events(file: Path, events: Iterable[Event]) -> None:
    """Write all events of a finished run."""
    write_text(file, "".join(map(line_of, events)))


def append_event(file: Path, event: Event) -> None:
    """Append the line of a step."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(line_of(event))


def drop_events_after(file: Path, step: int) -> None:
    """Drop the lines of later steps, and a last line that a full disk or a killed process left incomplete."""
    if not file.is_file():
        return
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
    if kept != lines:
        write_text(file, "".join(kept))
