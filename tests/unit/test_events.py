"""The lines of a training's events."""

from __future__ import annotations

import json
from pathlib import Path

from tgvac.training.events import append_event, drop_events_after


def steps(file: Path) -> list[int]:
    return [json.loads(line)["step"] for line in file.read_text(encoding="utf-8").splitlines()]


def noted(folder: Path, *at: int) -> Path:
    for step in at:
        append_event(folder / "seen" / "lines.jsonl", {"step": step, "loss": 0.5})
    return folder / "seen" / "lines.jsonl"


def test_a_training_that_resumes_drops_the_lines_of_later_steps(tmp_path: Path) -> None:
    file = noted(tmp_path, 10, 20, 30)
    drop_events_after(file, 20)
    assert steps(file) == [10, 20]
    append_event(file, {"step": 30})
    assert steps(file) == [10, 20, 30]


def test_an_incomplete_line_is_dropped(tmp_path: Path) -> None:
    file = noted(tmp_path, 10)
    with file.open("a", encoding="utf-8") as stream:
        stream.write('{"step": 2')
    drop_events_after(file, 100)
    assert steps(file) == [10]


def test_a_file_without_later_lines_is_not_written(tmp_path: Path) -> None:
    drop_events_after(tmp_path / "none.jsonl", 0)
    assert not (tmp_path / "none.jsonl").exists()
    file = noted(tmp_path, 10)
    before = file.stat().st_mtime_ns
    drop_events_after(file, 10)
    assert file.stat().st_mtime_ns == before
