"""A training that is asked to leave saves at once, and makes the pictures that it owes when it goes on."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tgvac.training.interruption import INTERRUPTED

from tests.unit.loop_jobs import job, loss_of, network, steps_kept, straight, weights
from tests.unit.shared_training import by_two
from tests.unit.tiny_models import TRAINING
from tgvac.training.loop import Training, train

Look = Callable[[int, Path], None]


def watched(folder: Path, module: torch.nn.Module, look: Look, told: int = -1) -> Training:
    """A training that is looked at every fifth step, and is told to leave while it computes a step."""

    def loss(step: int) -> torch.Tensor:
        if step == told - 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss_of(module)(step)

    return dataclasses.replace(job(folder, module, loss), watch=look, watch_every=5)


def leaves(wanted: Training) -> None:
    with pytest.raises(SystemExit) as left:
        train(wanted)
    assert left.value.code == INTERRUPTED


@pytest.mark.parametrize("told", [10, TRAINING.steps])
def test_a_look_is_not_made_once_a_signal_was_caught_but_when_the_training_goes_on(tmp_path: Path, told: int) -> None:
    seen: list[tuple[int, dict[str, bytes]]] = []
    module = network()
    leaves(watched(tmp_path / "run", module, lambda step, _: seen.append((step, weights(module))), told))
    assert [step for step, _ in seen] == [step for step in (5, 10) if step < told]
    assert steps_kept(tmp_path / "run")[-1] == told
    again = network()
    events = train(watched(tmp_path / "run", again, lambda step, _: seen.append((step, weights(again)))))
    assert [step for step, _ in seen] == [5, 10, TRAINING.steps]
    assert (weights(again), events) == straight(tmp_path)
    # Each shows what an undisturbed training shows.
    other, plain = network(), list[tuple[int, dict[str, bytes]]]()
    train(watched(tmp_path / "plain", other, lambda step, _: plain.append((step, weights(other)))))
    assert seen == plain


def test_a_signal_breaks_off_a_look_and_the_bits_stay(tmp_path: Path) -> None:
    begun, ended = [], []

    def endless(step: int, folder: Path) -> None:
        begun.append(step)
        os.kill(os.getpid(), signal.SIGUSR1)
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            time.sleep(0.001)
        ended.append(step)

    leaves(watched(tmp_path / "run", network(), endless))
    assert steps_kept(tmp_path / "run") == [5]
    # As it goes on, it is broken off once more: it is owed still, and no step is lost.
    leaves(watched(tmp_path / "run", network(), endless))
    assert (begun, ended) == ([5, 5], [])
    assert steps_kept(tmp_path / "run") == [5]
    seen: list[int] = []
    module = network()
    events = train(watched(tmp_path / "run", module, lambda step, _: seen.append(step)))
    assert seen == [5, 10, TRAINING.steps]
    assert (weights(module), events) == straight(tmp_path)


def test_a_signal_between_two_looks_owes_none(tmp_path: Path) -> None:
    seen: list[int] = []
    for told in (7, -1):
        module = network()
        wanted = watched(tmp_path, module, lambda step, _: seen.append(step), told)
        leaves(wanted) if told > 0 else train(wanted)
    assert seen == [5, 10, TRAINING.steps]


SHARED = """
import os, signal, sys, time
from dataclasses import replace
from pathlib import Path
from tests.unit import shared_training as t
folder, told, main = Path(sys.argv[1]), sys.argv[2], os.environ["RANK"] == "0"
pid = folder / "pid"
def look(step, pictures):
    print("looked at", step, flush=True)
    if told == "before":
        time.sleep(60)
    if told == "during" and step == 7:
        os.kill(int(pid.read_text()), signal.SIGTERM)
        time.sleep(1)
def rows_of(step, rows):
    if step == 6 and not main:
        pid.write_text(str(os.getpid()))
        if told == "before":
            os.kill(os.getpid(), signal.SIGTERM)
    return t.rows_of(step, rows)
t.train(replace(t.divided(folder, t.Placement()), batch=rows_of, watch=look, watch_every=7))
"""


def shared(folder: Path, told: str) -> list[tuple[int, str, str]]:
    """Exit code and output of each of two processes, of which the second is told to leave about the look at step 7."""
    return by_two(["-c", SHARED, str(folder), told])


def saved(folder: Path) -> dict[str, bytes]:
    """What the last checkpoint holds."""
    (path,) = folder.glob("*/step-00000012")
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_processes_leave_together_without_a_look_and_the_main_one_makes_it_later(tmp_path: Path) -> None:
    left = shared(tmp_path, "before")
    assert [code for code, _, _ in left] == [INTERRUPTED, INTERRUPTED], left
    assert [out for _, out, _ in left] == ["", ""]
    assert steps_kept(tmp_path) == [5, 7]
    done = shared(tmp_path, "never")
    assert [code for code, _, _ in done] == [0, 0], done
    assert [out for _, out, _ in done] == ["looked at 7\nlooked at 12\n", ""]


def test_a_signal_to_another_process_while_the_main_one_looks_lets_all_leave_and_the_bytes_stay(tmp_path: Path) -> None:
    left = shared(tmp_path / "run", "during")
    assert [code for code, _, _ in left] == [INTERRUPTED, INTERRUPTED], left
    # The one that was told waits for the main one, whose look is not broken off.
    assert [out for _, out, _ in left] == ["looked at 7\n", ""]
    # With the look's step, or the one after, if the signal came when the first had said that it caught none.
    assert steps_kept(tmp_path / "run") in ([5, 7], [5, 8])
    done = shared(tmp_path / "run", "never")
    assert [code for code, _, _ in done] == [0, 0], done
    assert [out for _, out, _ in done] == ["looked at 12\n", ""]
    assert [code for code, _, _ in shared(tmp_path / "straight", "never")] == [0, 0]
    assert saved(tmp_path / "run") == saved(tmp_path / "straight")
