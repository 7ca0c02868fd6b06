"""Jobs that a killed Snakemake has left in the queue are cancelled before their work is submitted again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tgvac.cluster.leftovers import cancel_left_jobs
from tgvac.errors import BadInput


class Queue:
    """A queue whose jobs are there for some more looks after they were cancelled.

    Args:
        lines: as ``squeue --format=%A|%Z|%k`` prints them.
    """

    def __init__(self, lines: list[str], looks: int) -> None:
        self.lines, self.looks = lines, looks
        self.cancelled: list[str] = []

    def __call__(self, command: Sequence[str]) -> str:
        if command[0] == "scancel":
            self.cancelled += command[1:]
            return ""
        self.looks -= bool(self.cancelled)
        gone = self.cancelled if self.looks <= 0 else []
        return "\n".join(line for line in self.lines if line.split("|")[0] not in gone)


def test_only_jobs_of_this_folder_s_workflow_are_cancelled(tmp_path: Path) -> None:
    elsewhere, ours = tmp_path / "elsewhere", tmp_path / "ours"
    lines = [
        f"1|{ours}|rule_train_frame_wildcards_full_0",
        f"2|{elsewhere}|rule_train_frame_wildcards_full_0",
        f"3|{ours}|(null)",
        f"4|{ours}|rule_tracks_shard_wildcards_001",
        f"4|{ours}|rule_tracks_shard_wildcards_001",
    ]
    queue, waited = Queue(lines, looks=3), list[float]()
    assert cancel_left_jobs(ours, queue, waited.append) == 2
    assert queue.cancelled == ["1", "4"]
    assert waited == [1.0, 1.0]


def test_without_such_jobs_nothing_is_cancelled(tmp_path: Path) -> None:
    queue = Queue([f"7|{tmp_path / 'elsewhere'}|rule_motion"], looks=1)
    assert cancel_left_jobs(tmp_path, queue) == 0
    assert queue.cancelled == []


def test_jobs_that_do_not_end_are_named(tmp_path: Path) -> None:
    queue = Queue([f"9|{tmp_path}|rule_train_motion"], looks=1000)
    with pytest.raises(BadInput, match=r"do not end \(9\); look at them with squeue"):
        cancel_left_jobs(tmp_path, queue, lambda seconds: None, wait=5)
