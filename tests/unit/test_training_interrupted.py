"""A training that is interrupted saves at once, and makes pending pictures when it resumes."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.unit.loop_jobs import job, loss_of, network, steps_kept, straight, weights
from tests.unit.shared_training import by_two
from tests.unit.tiny_models import TRAINING
from tgvac.training.interruption import INTERRUPTED
from tgvac.training.loop import Training, train

Watch = Callable[[int, Path], None]


def watched(folder: Path, module: torch.nn.Module, watch: Watch, stop: int = -1) -> Training:
    """A training that is watched every fifth step and gets a signal while it computes step ``stop``."""

    def loss(step: int) -> torch.Tensor:
        if step == stop - 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss_of(module)(step)

    return dataclasses.replace(job(folder, module, loss), watch=watch, watch_every=5)


def leaves(wanted: Training) -> None:
    with pytest.raises(SystemExit) as left:
        train(wanted)
    assert left.value.code == INTERRUPTED


@pytest.mark.parametrize("stop", [10, TRAINING.steps])
def test_after_a_signal_pictures_are_made_when_the_training_resumes(tmp_path: Path, stop: int) -> None:
    seen: list[tuple[int, dict[str, bytes]]] = []
    module = network()
    leaves(watched(tmp_path / "run", module, lambda step, _: seen.append((step, weights(module))), stop))
    assert [step for step, _ in seen] == [step for step in (5, 10) if step < stop]
    assert steps_kept(tmp_path / "run")[-1] == stop
    again = network()
    events = train(watched(tmp_path / "run", again, lambda step, _: seen.append((step, weights(again)))))
    assert [step for step, _ in seen] == [5, 10, TRAINING.steps]
    assert (weights(again), events) == straight(tmp_path)
    # Each shows what an undisturbed training shows.
    other, plain = network(), list[tuple[int, dict[str, bytes]]]()
    train(watched(tmp_path / "plain", other, lambda step, _: plain.append((step, weights(other)))))
    assert seen == plain


def test_a_signal_interrupts_watching_and_the_bits_stay(tmp_path: Path) -> None:
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
    # It resumes and is interrupted once more: the picture is still pending, and no step is lost.
    leaves(watched(tmp_path / "run", network(), endless))
    assert (begun, ended) == ([5, 5], [])
    assert steps_kept(tmp_path / "run") == [5]
    seen: list[int] = []
    module = network()
    events = train(watched(tmp_path / "run", module, lambda step, _: seen.append(step)))
    assert seen == [5, 10, TRAINING.steps]
    assert (weights(module), events) == straight(tmp_path)


def test_a_signal_between_two_pictures_leaves_none_pending(tmp_path: Path) -> None:
    seen: list[int] = []
    for stop in (7, -1):
        module = network()
        wanted = watched(tmp_path, module, lambda step, _: seen.append(step), stop)
        leaves(wanted) if stop > 0 else train(wanted)
    assert seen == [5, 10, TRAINING.steps]


SHARED = """
import os, signal, sys, time
from dataclasses import replace
from pathlib import Path
from tests.unit import shared_training as t
folder, stop, main = Path(sys.argv[1]), sys.argv[2], os.environ["RANK"] == "0"
pid = folder / "pid"
def watch(step, pictures):
    print("watched", step, flush=True)
    if stop == "before":
        time.sleep(60)
    if stop == "during" and step == 7:
        os.kill(int(pid.read_text()), signal.SIGTERM)
        time.sleep(1)
def rows_of(step, rows):
    if step == 6 and not main:
        pid.write_text(str(os.getpid()))
        if stop == "before":
            os.kill(os.getpid(), signal.SIGTERM)
    return t.rows_of(step, rows)
t.train(replace(t.divided(folder, t.Execution()), batch=rows_of, watch=watch, watch_every=7))
"""


def shared(folder: Path, stop: str) -> list[tuple[int, str, str]]:
    """Exit code and output of each of two processes, the second of which gets a signal around the picture of step 7."""
    return by_two(["-c", SHARED, str(folder), stop])


def saved(folder: Path) -> dict[str, bytes]:
    """What the last checkpoint holds."""
    (path,) = folder.glob("*/step-00000012")
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_processes_stop_together_without_pictures_and_the_main_one_makes_them_later(tmp_path: Path) -> None:
    left = shared(tmp_path, "before")
    assert [code for code, _, _ in left] == [INTERRUPTED, INTERRUPTED], left
    assert [out for _, out, _ in left] == ["", ""]
    assert steps_kept(tmp_path) == [5, 7]
    done = shared(tmp_path, "never")
    assert [code for code, _, _ in done] == [0, 0], done
    assert [out for _, out, _ in done] == ["watched 7\nwatched 12\n", ""]


def test_a_signal_to_another_process_while_the_main_one_watches_stops_all_and_the_bytes_stay(tmp_path: Path) -> None:
    left = shared(tmp_path / "run", "during")
    assert [code for code, _, _ in left] == [INTERRUPTED, INTERRUPTED], left
    # The process with the signal waits for the main one, whose picture is not interrupted.
    assert [out for _, out, _ in left] == ["watched 7\n", ""]
    # At the picture's step, or the next one if the signal came after the processes had compared signals.
    assert steps_kept(tmp_path / "run") in ([5, 7], [5, 8])
    done = shared(tmp_path / "run", "never")
    assert [code for code, _, _ in done] == [0, 0], done
    assert [out for _, out, _ in done] == ["watched 12\n", ""]
    assert [code for code, _, _ in shared(tmp_path / "straight", "never")] == [0, 0]
    assert saved(tmp_path / "run") == saved(tmp_path / "straight")
