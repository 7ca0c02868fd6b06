"""Processes that share a command: what happens to all when one of them ends. A small program is the command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tgvac.bridge import processes

RESUMES = "the same command resumes from the last checkpoint."
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
folder, rank = Path(sys.argv[1]), int(os.environ["RANK"])
def ready():
    (folder / f"ready.{rank}").touch()
def wait_for(other):
    while not (folder / f"ready.{other}").exists():
        time.sleep(0.02)
"""

Shared = Callable[[str], tuple[int, str, str]]


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shared:
    """Runs a program as two processes; exit code, output, errors."""

    def run(program: str) -> tuple[int, str, str]:
        (tmp_path / "program.py").write_text(PROGRAM + program)
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\nexec {sys.executable} {tmp_path}/program.py {tmp_path}\n")
        python.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(python))
        code = processes.run_shared([], 2, 1)
        return code, *capfd.readouterr()

    return run


def test_the_death_of_a_later_process_at_the_start_ends_the_first_and_is_reported(shared: Shared) -> None:
    code, out, said = shared("""
if rank == 1:
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(120)  # as a process that waits for another to join
print("waited in vain")
""")
    assert code == 128 + 9
    assert said == f"tgvac: rank 1 of the 2 processes was ended by SIGKILL, and the others were stopped; {RESUMES}\n"
    assert out == ""


def test_the_death_of_a_process_in_a_training_is_reported_after_the_traceback_of_the_one_that_lost_it(
    shared: Shared,
) -> None:
    code, _, said = shared("""
signal.signal(signal.SIGTERM, lambda *_: None)  # caught, as in a training
pipe = folder / "pipe"
if rank == 0:
    os.mkfifo(folder / "new")
    (folder / "new").rename(pipe)
    with pipe.open() as peer:
        peer.read()
    raise RuntimeError("Connection closed by peer")
while not pipe.exists():
    time.sleep(0.02)
with pipe.open("w") as peer:
    os.kill(os.getpid(), signal.SIGKILL)
""")
    assert code == 128 + 9
    *before, last = said.splitlines()
    assert "RuntimeError: Connection closed by peer" in before
    assert last == f"tgvac: rank 1 of the 2 processes was ended by SIGKILL, and the others were stopped; {RESUMES}"


def test_a_process_that_does_not_stop_after_another_failed_is_killed_after_a_grace_period(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GRACE_S", 0.5)
    code, out, said = shared("""
if rank == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready()
    time.sleep(120)
    print("waited in vain")
wait_for(0)
sys.exit(3)
""")
    assert code == 3
    assert said == f"tgvac: rank 1 of the 2 processes ended with exit code 3, and the others were stopped; {RESUMES}\n"
    assert out == ""


def test_processes_that_end_after_a_signal_are_given_the_time_to(shared: Shared) -> None:
    code, out, said = shared("""
if rank == 1:
    sys.exit(75)
time.sleep(1.0)
print("ended by itself")
sys.exit(75)
""")
    assert (code, out, said) == (75, "ended by itself\n", "")


def test_nothing_is_added_when_all_processes_refuse(shared: Shared) -> None:
    code, _, said = shared("""
signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
ready()
wait_for(1 - rank)
if rank == 0:
    time.sleep(120)
print("tgvac: a sentence.", file=sys.stderr)
sys.exit(2)
""")
    assert (code, said) == (2, "tgvac: a sentence.\n")


def test_a_refusal_of_one_process_does_not_promise_a_resumption(shared: Shared) -> None:
    code, _, said = shared("sys.exit(2) if rank == 0 else time.sleep(120)")
    assert code == 2
    assert said == (
        "tgvac: rank 0 of the 2 processes ended with exit code 2, and the others were stopped; the reason is above.\n"
    )
