"""Trouble while a sharded rule and a training run on SLURM: the same bytes, and no work lost beyond the last save.

They are the smoke run's own, saved at every second step. The training is stopped (SIGSTOP) while the test interferes,
so that it cannot end before.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.slurm.conftest import ClusterRun
from tests.slurm.one_node import OneNode
from tests.workflow.one_stage import one_stage
from tests.workflow.test_interruption import digests, so_far

pytestmark = pytest.mark.slurm


@pytest.fixture
def project(smoke: Path, tmp_path: Path) -> Path:
    """A project that lacks the latents, which are sharded, and the frame model."""
    folder = one_stage(tmp_path / "project", smoke, "frame", {"checkpoints": {"every": 2}})
    shutil.rmtree(folder / "results" / "smoke" / "latents")
    return folder


def saved(project: Path) -> int:
    """The last step of the frame training that is saved; 0 if there is none."""
    states = so_far(project / "scratch" / "smoke" / "frame", "step-*/state.json")
    return max((int(path.parent.name.removeprefix("step-")) for path in states), default=0)


def resumed(project: Path) -> list[int]:
    """The steps that the training has resumed from, in order; a requeued job writes on in its log."""
    logs = sorted((project / "logs" / "slurm" / "rule_train_frame").rglob("*.log"), key=lambda path: int(path.stem))
    return [int(step) for log in logs for step in re.findall(r"resuming from step (\d+)", log.read_text())]


def held(project: Path, run: ClusterRun) -> psutil.Process:
    """The process that trains, stopped after it has saved more steps than before."""
    before = saved(project)
    run.until(lambda: saved(project) > before)
    training = []
    for process in psutil.process_iter(["cmdline", "cwd", "create_time"]):
        words = process.info["cmdline"] or []
        if "stage" in words and "frame" in words and process.info["cwd"] == str(project):
            training.append(process)
    # The one before may not have ended quite.
    newest = max(training, key=lambda process: process.info["create_time"])
    newest.suspend()
    return newest


def was_told(process: psutil.Process) -> bool:
    """Whether the notice waits for a stopped process (``man 5 proc``: ShdPnd), or SLURM has let it go on to hear it."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
    except FileNotFoundError:
        return True
    waiting = re.search(r"ShdPnd:\s*([0-9a-f]+)", status)
    return waiting is not None and bool(int(waiting[1], 16) & 1 << (signal.SIGUSR1 - 1))


def same_as_undisturbed(project: Path, smoke: Path) -> None:
    """Latents and frame model have the bytes of the local run."""
    for phase in ("latents", "frame"):
        ours, theirs = (digests(folder / "results" / "smoke" / phase) for folder in (project, smoke))
        assert ours == theirs, phase
        assert ours, phase


def test_what_ends_a_run_loses_nothing_that_is_saved(
    smoke: Path, project: Path, slurm: OneNode, run_on: Callable[..., ClusterRun]
) -> None:
    """Snakemake killed, the job cancelled, the training killed; after each of them, the same command again."""
    at_least: list[int] = []

    without_snakemake = run_on(project, "frame")
    held(project, without_snakemake)
    at_least.append(saved(project))
    without_snakemake.process.kill()
    without_snakemake.process.wait()
    assert slurm.jobs("train_frame"), "its job goes on without it"

    cancelled = run_on(project, "frame")
    cancelled.until(lambda: "1 job that an earlier run had left in the queue is cancelled" in cancelled.output)
    held(project, cancelled)
    at_least.append(saved(project))
    slurm.run("scancel", *slurm.jobs("train_frame"))
    assert cancelled.ended() == 1

    crashed = run_on(project, "frame")
    training = held(project, crashed)
    at_least.append(saved(project))
    training.kill()
    assert crashed.ended() == 1
    assert "Error in rule train_frame" in crashed.output

    last = run_on(project, "frame")
    assert last.ended() == 0, last.output[-3000:]
    steps = resumed(project)
    assert len(steps) == 3
    assert all(step >= least for step, least in zip(steps, at_least, strict=True)), (steps, at_least)
    same_as_undisturbed(project, smoke)


def test_what_the_cluster_interrupts_goes_on_by_itself(
    smoke: Path, project: Path, slurm: OneNode, run_on: Callable[..., ClusterRun]
) -> None:
    """The controller killed and started again, the node down and resumed, the time limit: Snakemake only waits."""
    run = run_on(project, "frame")
    training = held(project, run)
    slurm.stop_controller()
    slurm.start_controller()
    (job,) = slurm.jobs("train_frame")

    least = saved(project)
    slurm.set_node("down")
    run.until(lambda: not slurm.jobs("train_frame"))
    slurm.set_node("resume")
    run.until(lambda: slurm.jobs("train_frame") == [job])

    training = held(project, run)
    # The notice comes 60 to 90 s before the limit.
    slurm.run("scontrol", "update", f"jobid={job}", f"timelimit={slurm.minutes(job) + 3}")
    at_limit = saved(project)
    run.until(lambda: was_told(training))
    with contextlib.suppress(psutil.NoSuchProcess):
        training.resume()

    assert run.ended() == 0, run.output[-3000:]
    steps = resumed(project)
    assert len(steps) == 2
    assert steps[0] >= least
    assert steps[1] > at_limit, "it has finished its step, and saved"
    same_as_undisturbed(project, smoke)
