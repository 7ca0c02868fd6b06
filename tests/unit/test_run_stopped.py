"""`tgvac run` stopped by a signal: its exit code, and its last line. A small program replaces Snakemake."""

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
# Like Snakemake, it waits for its job after SIGTERM, and reports the job as failed.
SNAKEMAKE = """
import signal, subprocess, sys
caught = []
signal.signal(signal.SIGTERM, lambda *_: caught.append(1))
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
        errors = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    return process.returncode, errors.splitlines()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_stopped_run_says_last_how_to_resume_and_has_the_exit_code_of_a_stage(
    tmp_path: Path, number: signal.Signals
) -> None:
    code, errors = stopped(project(tmp_path, JOB.format(code=75)), number)
    assert code == 75
    assert errors[-2:] == [
        "At least one job did not complete successfully.",
        "stopped; the same command resumes from what is saved",
    ]


def test_a_stopped_run_begins_no_further_step(tmp_path: Path) -> None:
    folder = project(tmp_path / "project", JOB.format(code=0))
    (tmp_path / "davis").mkdir()
    code, errors = stopped(folder, signal.SIGTERM, str(tmp_path / "davis"))
    assert (code, (folder / "begun").read_text()) == (75, "sources\n")
    assert errors[-1].startswith("stopped; ")


def test_a_run_that_was_done_when_the_signal_came_is_done(tmp_path: Path) -> None:
    assert stopped(project(tmp_path, JOB.format(code=0)), signal.SIGTERM) == (0, [])


def test_a_run_whose_job_fails_by_itself_is_a_failure(tmp_path: Path) -> None:
    folder = project(tmp_path, "import sys; sys.exit(75)")
    done = subprocess.run([sys.executable, "run.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("the run failed; logs are in ")


def test_the_error_of_a_job_is_repeated_below_snakemake_s_own_output(tmp_path: Path) -> None:
    job = """
import pathlib, sys
log = pathlib.Path("logs/smoke/tracks/all.log")
log.parent.mkdir(parents=True)
log.write_text("tracks: 1/2\\ntgvac: It is broken; fix it.\\n")
old = pathlib.Path("logs/smoke/tracks/old.log")
old.write_text("tgvac: Fixed since.\\n")
import os; os.utime(old, (1, 1))
sys.exit(2)
"""
    folder = project(tmp_path, job)
    done = subprocess.run([sys.executable, "run.py"], cwd=folder, capture_output=True, text=True, check=False)
    logs = folder / "logs" / "smoke"
    assert done.stderr.splitlines()[-2:] == [
        "tgvac: It is broken; fix it.",
        f"the run failed; logs are in {logs}; when that is fixed, the same command resumes from here",
    ]
