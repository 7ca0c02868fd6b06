"""`tgvac run` told to stop: its exit code, and its last line. A small program stands in for Snakemake."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import make_project

RUN = """
import sys
from pathlib import Path
from tgvac.bridge import workflow
workflow.command = lambda scale, cores, target: [sys.executable, "snakemake.py", target]
given = {"davis": sys.argv[1]} if len(sys.argv) > 1 else {}
sys.exit(workflow.run_workflow(Path.cwd(), "smoke-davis" if given else "smoke", 1, "frame", given))
"""
# As Snakemake does, it waits for its job when told to end, and calls it failed.
SNAKEMAKE = """
import signal, subprocess, sys
told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(1))
with open("begun", "a") as begun:
    print(sys.argv[1], file=begun)
job = subprocess.run([sys.executable, "job.py", "stage"])
if job.returncode:
    print("At least one job did not complete successfully.", file=sys.stderr)
sys.exit(1 if job.returncode else 0)
"""
JOB = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGTERM, lambda *_: sys.exit({code}))
Path("up").touch()
time.sleep(120)
"""


def project(folder: Path, job: str) -> Path:
    make_project(folder)
    for name, text in (("run.py", RUN), ("snakemake.py", SNAKEMAKE), ("job.py", job)):
        (folder / name).write_text(text)
    return folder


def stopped(folder: Path, number: signal.Signals, *arguments: str) -> tuple[int, list[str]]:
    """Exit code, and lines of errors, of a run that is sent a signal while its job runs."""
    process = subprocess.Popen(
        [sys.executable, "run.py", *arguments], cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        limit = time.monotonic() + 60
        while not (folder / "up").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < limit
            time.sleep(0.02)
        process.send_signal(number)
        told = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    return process.returncode, told.splitlines()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_run_that_is_told_to_stop_says_last_that_it_goes_on_and_ends_as_a_stage_does(
    tmp_path: Path, number: signal.Signals
) -> None:
    code, told = stopped(project(tmp_path, JOB.format(code=75)), number)
    assert code == 75
    assert told[-2:] == [
        "At least one job did not complete successfully.",
        "stopped; what was running has saved its state; the same command goes on from here",
    ]


def test_a_run_that_is_told_to_stop_begins_no_further_step(tmp_path: Path) -> None:
    folder = project(tmp_path / "project", JOB.format(code=0))
    (tmp_path / "davis").mkdir()
    code, told = stopped(folder, signal.SIGTERM, str(tmp_path / "davis"))
    assert (code, (folder / "begun").read_text()) == (75, "sources\n")
    assert told[-1].startswith("stopped; ")


def test_a_run_that_was_done_when_it_was_told_to_stop_is_done(tmp_path: Path) -> None:
    assert stopped(project(tmp_path, JOB.format(code=0)), signal.SIGTERM) == (0, [])


def test_a_run_whose_job_fails_by_itself_is_a_failure(tmp_path: Path) -> None:
    folder = project(tmp_path, "import sys; sys.exit(75)")
    done = subprocess.run([sys.executable, "run.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("the run stopped; logs are in ")


def test_what_a_job_said_was_wrong_is_said_once_more_below_all_that_snakemake_says_of_it(tmp_path: Path) -> None:
    job = """
import pathlib, sys
log = pathlib.Path("logs/smoke/tracks/all.log")
log.parent.mkdir(parents=True)
log.write_text("tracks: 1/2\\ntgvac: It is broken; mend it.\\n")
old = pathlib.Path("logs/smoke/tracks/old.log")
old.write_text("tgvac: Mended since.\\n")
import os; os.utime(old, (1, 1))
sys.exit(2)
"""
    folder = project(tmp_path, job)
    done = subprocess.run([sys.executable, "run.py"], cwd=folder, capture_output=True, text=True, check=False)
    logs = folder / "logs" / "smoke"
    assert done.stderr.splitlines()[-2:] == [
        "tgvac: It is broken; mend it.",
        f"the run stopped; logs are in {logs}; when that is mended, the same command goes on from here",
    ]
