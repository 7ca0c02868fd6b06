"""Kill a training at any moment, and again, and run it again: the same bytes as of one that was left alone.

Trainings of 60 steps that are saved at 20 and 40, killed twice each. Moments are drawn by name, and printed: two of
them in the ordinary tests, ten in `make test-long`.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.workflow.one_stage import one_stage
from tests.workflow.test_interruption import digests, so_far, start
from tgvac.seeds import rng

pytestmark = pytest.mark.workflow

STEPS, SAVED, LOGGED = 60, 20, 5


@dataclass(frozen=True)
class Moment:
    """When to kill: after a number of logged events of the process, and a share of the time between two events."""

    events: int
    share: float

    @classmethod
    def drawn(cls, phase: str, number: int, steps: int) -> Moment:
        """A moment for a process that has ``steps`` steps left; it is before the last one."""
        draw = rng("a moment to kill", phase, number, steps)
        return cls(int(draw.integers(1, steps // LOGGED)), float(draw.random()))


def sixty(folder: Path, smoke: Path, phase: str) -> Path:
    """A project in which one phase trains for sixty steps; its inputs are there."""
    changed = {phase: {"steps": STEPS}, "checkpoints": {"every": SAVED, "log_every": LOGGED}}
    return one_stage(folder, smoke, phase, changed)


def left_alone(folder: Path, smoke: Path, tgvac: Command, phase: str) -> dict[str, str]:
    """The digests of an uninterrupted run."""
    done = tgvac(sixty(folder, smoke, phase), "stage", phase, "--scale", "smoke")
    assert done.returncode == 0, done.stderr
    assert "resuming" not in done.stderr
    found = digests(folder / "results" / "smoke" / phase)
    shutil.rmtree(folder)
    return found


@pytest.fixture(scope="module")
def undisturbed(
    smoke: Path, tmp_path_factory: pytest.TempPathFactory, tgvac: Command
) -> Callable[[str], dict[str, str]]:
    """The final digests of a stage; each stage is run once."""
    known: dict[str, dict[str, str]] = {}

    def ask(phase: str) -> dict[str, str]:
        if phase not in known:
            known[phase] = left_alone(tmp_path_factory.mktemp("undisturbed") / phase, smoke, tgvac, phase)
        return known[phase]

    return ask


def noted(folder: Path, phase: str) -> int:
    """How many events the trainings in a folder have written so far, killed ones included."""
    files = so_far(folder / "scratch" / "smoke" / phase, "speed.jsonl")
    return sum(file.read_bytes().count(b"\n") for file in files)


def killed_at(folder: Path, phase: str, moment: Moment) -> None:
    """Start the stage, and ``kill -9`` its whole process group at a moment of it."""
    before, limit = noted(folder, phase), time.monotonic() + 600
    process = start(folder, "stage", phase, "--scale", "smoke")
    try:
        reached: list[float] = []
        while len(reached) < moment.events:
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < limit, "the moment never came"
            reached += [time.monotonic()] * (noted(folder, phase) - before - len(reached))
            time.sleep(0.002)
        # Between two events there may be a save or a picture, so that any of these can be cut in two.
        between = (reached[-1] - reached[0]) / max(len(reached) - 1, 1)
        time.sleep(moment.share * (between or 0.05))
        assert process.poll() is None, "it ended before it could be killed"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def saved(folder: Path, phase: str) -> int:
    """The step that the next process resumes from."""
    states = so_far(folder / "scratch" / "smoke" / phase, "step-*/state.json")
    steps = [int(path.parent.name[5:]) for path in states]
    return max(steps, default=0)


@pytest.mark.parametrize("number", [0, *(pytest.param(number, marks=pytest.mark.long) for number in range(1, 5))])
@pytest.mark.parametrize("phase", ["frame", "motion"])
def test_a_training_killed_at_random_moments_gives_the_same_bytes(
    smoke: Path,
    tmp_path: Path,
    tgvac: Command,
    undisturbed: Callable[[str], dict[str, str]],
    phase: str,
    number: int,
) -> None:
    expected = undisturbed(phase)
    folder = sixty(tmp_path / "killed", smoke, phase)
    for kill in ("first", "second"):
        begun = saved(folder, phase)
        moment = Moment.drawn(f"{phase} {kill}", number, STEPS - begun)
        killed_at(folder, phase, moment)
        after = begun + LOGGED * (moment.events + moment.share)
        print(f"\n{phase} {number}: from step {begun}, killed at about {after:.1f}, saved {saved(folder, phase)}")
    last = saved(folder, phase)
    assert not (folder / "results" / "smoke" / phase).exists(), "it was killed too late to show anything"
    done = tgvac(folder, "stage", phase, "--scale", "smoke")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("resuming from step") == (1 if last else 0)
    assert digests(folder / "results" / "smoke" / phase) == expected
