"""Jobs of the page: one at a time, told of as they go on, stopped between steps."""

from __future__ import annotations

import threading

import pytest

from tgvac.app.jobs import STOPPING, WAITING, Jobs, Stopped
from tgvac.app.wording import progress
from tgvac.errors import BadInput
from tgvac.progress import Heard, Progress, with_progress


class Gate:
    """Work of steps that go on when the test lets them."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Semaphore(0)

    def __call__(self) -> str:
        with Progress("completing", 3) as bar:
            for _ in range(3):
                self.begun.set()
                assert self.go.acquire(timeout=30)
                bar.step()
        return "done"

    def open(self, steps: int = 3) -> None:
        self.go.release(steps)


def test_a_job_tells_of_its_steps_and_gives_its_result() -> None:
    gate = Gate()
    job = Jobs().start("a", gate)
    heard = job.heard()
    assert next(heard) == Heard("completing", 0, 3)
    gate.open()
    list(heard)
    assert job.result() == "done"
    assert not job.running


def test_the_error_of_a_job_is_the_page_s_to_tell() -> None:
    def refuse() -> None:
        raise BadInput("The video is too short; give a longer one.")

    job = Jobs().start("a", refuse)
    list(job.heard())
    with pytest.raises(BadInput, match="too short"):
        job.result()


def test_a_stopped_job_ends_at_its_next_step() -> None:
    jobs, gate = Jobs(), Gate()
    job = jobs.start("a", gate)
    assert gate.begun.wait(30)
    jobs.stop("b")
    gate.open(1)
    jobs.stop("a")
    assert STOPPING in job.heard()
    gate.open(2)
    with pytest.raises(Stopped):
        job.result()


def test_a_second_job_waits_for_its_turn_and_can_be_stopped_meanwhile() -> None:
    jobs, first = Jobs(), Gate()
    one = jobs.start("a", first)
    assert first.begun.wait(30)
    other, third = jobs.start("b", lambda: "b"), jobs.start("c", lambda: "c")
    assert next(other.heard()) == WAITING
    jobs.stop("c")
    with pytest.raises(Stopped):
        third.result()
    assert one.running
    first.open()
    assert (one.result(), other.result()) == ("done", "b")


def test_a_job_whose_visitor_left_goes_on_until_another_is_asked_for() -> None:
    jobs, gate = Jobs(), Gate()
    left = jobs.start("a", gate)
    assert gate.begun.wait(30)
    jobs.leave("a")
    assert left.running
    other = jobs.start("b", lambda: "b")
    gate.open()
    assert other.result() == "b"
    with pytest.raises(Stopped):
        left.result()


def test_only_the_thread_of_the_job_is_heard() -> None:
    gate = Gate()
    job = Jobs().start("a", gate)
    assert gate.begun.wait(30)
    list(with_progress(range(3), "elsewhere", 3))
    gate.open()
    assert {heard.label for heard in job.heard()} <= {"completing"}


def test_progress_is_told_with_the_time_left() -> None:
    told = progress(Heard("completing", 3, 20, 75.0))
    assert "Completing: 3 of 20, about 1:15 left" in told
    assert '<progress max="20" value="3">' in told
    assert "Starting …" in progress(Heard("starting", 0, 0))
    assert "&lt;b&gt;" in progress(Heard("<b>", 0, 0)), "labels are escaped"
