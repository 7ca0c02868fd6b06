"""Jobs of the page: one at a time, told of as they go on, stopped between steps."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

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


def test_a_visitor_s_second_job_takes_the_place_of_the_first() -> None:
    jobs, first, second = Jobs(), Gate(), Gate()
    one = jobs.start("a", first)
    assert first.begun.wait(30)
    other = jobs.start("a", second)
    first.open()
    with pytest.raises(Stopped):
        one.result()
    assert second.begun.wait(30)
    jobs.stop("a")
    second.open()
    with pytest.raises(Stopped):
        other.result()


def test_a_job_whose_visitor_leaves_while_another_waits_is_stopped() -> None:
    jobs, gate = Jobs(), Gate()
    left = jobs.start("a", gate)
    assert gate.begun.wait(30)
    other = jobs.start("b", lambda: "b")
    assert next(other.heard()) == WAITING
    jobs.leave("a")
    gate.open()
    assert other.result() == "b"
    with pytest.raises(Stopped):
        left.result()


def test_a_waiting_job_whose_visitor_leaves_never_begins_and_nobody_waits_for_it() -> None:
    jobs, first, never = Jobs(), Gate(), Gate()
    one = jobs.start("a", first)
    assert first.begun.wait(30)
    other = jobs.start("b", never)
    assert next(other.heard()) == WAITING
    jobs.leave("b")
    with pytest.raises(Stopped):
        other.result()
    jobs.leave("a")
    first.open()
    assert one.result() == "done", "the job that runs goes on, since nobody waits"
    assert not never.begun.is_set()


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads that take turns within a line."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_jobs_may_be_started_and_left_from_many_threads() -> None:
    jobs = Jobs()
    errors: list[Exception] = []

    def come_and_go(visitor: str) -> None:
        try:
            for _ in range(50):
                jobs.start(visitor, lambda: None)
                jobs.stop(visitor)
                jobs.leave(visitor)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=come_and_go, args=(str(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert jobs.start("last", lambda: "done").result() == "done"


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


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("encoding", "Encoding the object&#x27;s surroundings: 3 of 20"),
        ("completing (UNet evaluations)", "Completing: 3 of 20"),
        ("decoding", "Decoding the object: 3 of 20"),
        ("layer (png)", "Writing the layer: 3 of 20"),
    ],
)
def test_each_step_of_a_completion_has_words(label: str, words: str) -> None:
    assert words in progress(Heard(label, 3, 20))
