"""A stage in a cluster's job: what surrounds it outlives signals, and its job is requeued when time is nearly up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tgvac.bridge.cluster_job import REQUEUE, SHELL
from tgvac.bridge.requeue import requeued
from tgvac.training.interruption import INTERRUPTED, NOTICE, Interrupted

# Stands for a stage: it says that it is ready, and after a signal it works on before it ends, as one that saves does.
STAGE = """
import signal, sys, time
told = []
signal.signal(signal.SIG, lambda number, frame: told.append(number))
print("ready", flush=True)
while not told:
    time.sleep(0.01)
time.sleep(1)
print("saved", flush=True)
sys.exit(75)
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1"])
def test_the_shell_and_tee_of_a_rule_outlive_a_signal_to_all_processes_and_pass_the_exit_code_on(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "stage.py").write_text(STAGE.replace("SIG,", f"{name},"))
    line = f"set -euo pipefail; {SHELL} {sys.executable} stage.py 2>&1 | tee log"
    shell = subprocess.Popen(["bash", "-c", line], cwd=tmp_path, stdout=subprocess.PIPE, text=True, process_group=0)
    assert shell.stdout is not None
    assert shell.stdout.readline() == "ready\n"
    os.killpg(shell.pid, getattr(signal, name))
    said, _ = shell.communicate(timeout=60)
    assert said == "saved\n"
    assert shell.returncode == INTERRUPTED
    assert (tmp_path / "log").read_text() == "ready\nsaved\n"


@pytest.fixture
def requeues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A job of SLURM; the file has what ``scontrol`` was called with."""
    asked, program = tmp_path / "asked", tmp_path / "bin" / "scontrol"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {asked}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv(REQUEUE, "1")
    old = signal.getsignal(NOTICE)
    yield asked
    signal.signal(NOTICE, old)


def stopped(record: Path, number: int, step: int) -> None:
    """A training that a signal has stopped at a step."""
    with pytest.raises(Interrupted), requeued(record, trains=True):
        raise Interrupted(number, step)


def test_a_training_that_was_told_in_time_requeues_its_job(requeues: Path, tmp_path: Path) -> None:
    stopped(tmp_path / "record", NOTICE, 40)
    stopped(tmp_path / "record", NOTICE, 80)
    assert requeues.read_text() == "requeue 4711\n" * 2


def test_a_cancelled_or_preempted_training_does_not_requeue_itself(requeues: Path, tmp_path: Path) -> None:
    stopped(tmp_path / "record", signal.SIGTERM, 40)
    assert not requeues.exists()


def test_a_training_without_progress_is_not_requeued_for_ever(
    requeues: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped(tmp_path / "record", NOTICE, 40)
    stopped(tmp_path / "record", NOTICE, 40)
    assert requeues.read_text() == "requeue 4711\n"
    assert "still at step 40" in capsys.readouterr().err


def test_a_finished_training_leaves_no_record_for_the_next_one(requeues: Path, tmp_path: Path) -> None:
    stopped(tmp_path / "record", NOTICE, 40)
    with requeued(tmp_path / "record", trains=True):
        pass
    stopped(tmp_path / "record", NOTICE, 40)
    assert requeues.read_text() == "requeue 4711\n" * 2


def test_another_stage_stops_at_the_notice_and_requeues_its_job(requeues: Path, tmp_path: Path) -> None:
    @requeued(tmp_path / "record", trains=False)
    def work() -> None:
        os.kill(os.getpid(), NOTICE)
        time.sleep(10)
        pytest.fail("the notice did not stop it")

    with pytest.raises(Interrupted) as ended:
        work()
    assert ended.value.code == INTERRUPTED
    assert requeues.read_text() == "requeue 4711\n"


def test_a_job_that_cannot_be_requeued_says_how_to_go_on(
    requeues: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bin" / "scontrol").write_text("#!/bin/sh\necho 'Requested operation is disabled' >&2; exit 1\n")
    stopped(tmp_path / "record", NOTICE, 40)
    said = capsys.readouterr().err
    assert "job 4711 could not be requeued (Requested operation is disabled); run the same snakemake command" in said


def test_outside_a_job_nothing_is_requeued(tmp_path: Path, requeues: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REQUEUE)
    stopped(tmp_path / "record", NOTICE, 40)
    assert not requeues.exists()
