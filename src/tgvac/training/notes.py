"""What is noted along a training beside its checkpoints: a line of JSON a step, taken back when the training is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tgvac.files import write_text


def note(file: Path, line: dict[str, Any]) -> None:
    """Add the line of a step."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line, sort_keys=True) + "\n")


def rewind(file: Path, step: int) -> None:
    """Drop the lines of steps beyond ``step``, and a last one that a full disk or a killed process cut short."""
    if not file.is_file():
        return
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
    if kept != lines:
        write_text(file, "".join(kept))
