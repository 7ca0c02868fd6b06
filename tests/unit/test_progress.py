"""Progress: plain lines in a log, a bar on a terminal, the rate of this process only."""

from __future__ import annotations

import sys

import pytest

from tgvac import progress
from tgvac.progress import Heard, Progress, heard_by, with_progress


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    it = Clock()
    monkeypatch.setattr(progress, "time", it)
    return it


def test_a_log_gets_a_plain_line_every_few_seconds_and_one_at_the_end(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress("tracks shard 1/2", 10) as bar:
        for i in range(10):
            clock.now += 2
            bar.step(f"item {i}")
    assert capsys.readouterr().err.splitlines() == [
        "tracks shard 1/2: 3/10, 0.50/s, 0:06, 0:14 left; item 2",
        "tracks shard 1/2: 6/10, 0.50/s, 0:12, 0:08 left; item 5",
        "tracks shard 1/2: 9/10, 0.50/s, 0:18, 0:02 left; item 8",
        "tracks shard 1/2: 10/10, 0.50/s, 0:20",
    ]


def test_what_was_done_before_counts_for_the_total_but_not_for_the_rate(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress("frame", 100, start=90) as bar:
        clock.now += 5
        bar.step(by=5)
    assert capsys.readouterr().err.splitlines() == [
        "frame: 95/100, 1.00/s, 0:05, 0:05 left",
        "frame: 95/100, 1.00/s, 0:05",
    ]


def test_without_steps_there_is_no_time_left(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(with_progress([], "masks", 0)) == []
    assert capsys.readouterr().err == "masks: 0/0, 0:00\n"


def test_items_that_were_done_before_have_no_rate(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in with_progress(range(1000), "masks", 1000):
        clock.now += 1e-6
    assert capsys.readouterr().err == "masks: 1000/1000, 0:00\n"


def test_a_terminal_shows_every_step_on_one_line(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress("masks", 2) as bar:
        clock.now += 1
        bar.step()
        bar.step()
    text = capsys.readouterr().err
    assert text.count("\r\x1b[K") == 3
    assert text.count("\n") == 1
    assert text.endswith("masks: 2/2, 2.00/s, 0:01\n")


def test_hours_are_written_out(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("motion", 2) as bar:
        clock.now += 3725
        bar.step()
    assert "1:02:05, 1:02:05 left" in capsys.readouterr().err


def test_every_item_is_handed_on_in_order() -> None:
    assert list(with_progress(iter("abc"), "x", 3)) == ["a", "b", "c"]


def test_a_listener_hears_each_step_with_the_time_left(clock: Clock) -> None:
    heard: list[Heard] = []
    with heard_by(heard.append), Progress("completing", 4, start=1) as bar:
        clock.now += 2
        bar.step()
    with Progress("heard by nobody", 4) as bar:
        bar.step()
    assert heard == [Heard("completing", 1, 4), Heard("completing", 2, 4, 4.0)]


def test_a_listener_stops_the_work_by_an_exception() -> None:
    done = []

    def stop(heard: Heard) -> None:
        if heard.done == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError), heard_by(stop):
        done.extend(with_progress(range(5), "masks", 5))
    assert done == [0, 1]
