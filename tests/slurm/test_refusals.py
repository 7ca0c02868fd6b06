"""What a run on a cluster refuses before it submits a job, each in one sentence; a dead run's lock it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.slurm.conftest import PROFILES, ClusterRun
from tests.slurm.one_node import OneNode

pytestmark = pytest.mark.slurm


def refused(run: ClusterRun, *words: str) -> None:
    """It has ended with exit code 2 and one sentence, which holds the words, and has submitted nothing."""
    assert run.ended() == 2, run.output[-3000:]
    said = [line for line in run.output.splitlines() if line.startswith("tgvac: ")]
    assert len(said) == 1, run.output[-3000:]
    assert all(word in said[0] for word in words), said[0]
    assert "Traceback" not in run.output
    assert "submitted" not in run.output.lower()


@pytest.mark.parametrize(
    ("target", "resources", "words"),
    [
        ("tracks", ["tracks_shard:slurm_partition=gpuu"], ["tracks_shard", "'gpuu'", "did you mean 'gpu'?"]),
        (
            "masks",
            ["masks_shard:gpu=1", "masks_shard:gpu_model=a100"],
            ["masks_shard", "type 'a100'", "has fake; set gpu_model"],
        ),
        ("masks", ["masks_shard:gpu=3"], ["3 GPUs", "2 at most"]),
        ("tracks", ["tracks_shard:mem_mb=99000000"], ["99000000 MB of memory", "set its mem_mb"]),
    ],
)
def test_what_the_cluster_does_not_have(
    project: Path, run_on: Callable[..., ClusterRun], target: str, resources: list[str], words: list[str]
) -> None:
    refused(run_on(project, target, "--set-resources", *resources), *words, "workflow/profiles/slurm/profile.yaml")


def test_a_second_run_in_a_folder_is_refused_and_one_after_a_kill_is_not(
    project: Path, slurm: OneNode, run_on: Callable[..., ClusterRun]
) -> None:
    slurm.set_node("drain")
    first = run_on(project, "tracks")
    first.until(lambda: bool(slurm.jobs("tracks_shard", "PD")))
    refused(run_on(project, "tracks"), f"(process {first.process.pid} on ", "wait until it has ended")
    first.process.kill()
    first.process.wait()
    again = run_on(project, "tracks")
    again.until(lambda: "that an earlier run had left in the queue" in again.output)
    slurm.set_node("resume")
    assert again.ended() == 0, again.output[-3000:]
    assert (project / "results" / "smoke" / "tracks" / "index.json").is_file()


def test_a_limit_of_jobs_that_would_divide_an_array(project: Path, run_on: Callable[..., ClusterRun]) -> None:
    refused(run_on(project, "tracks", "--jobs", "1"), "--jobs 1 is fewer than the 2 jobs", "leave --jobs out")


def test_asking_for_states_where_none_are_kept(project: Path, run_on: Callable[..., ClusterRun]) -> None:
    run = run_on(project, "tracks", "--slurm-status-command", "sacct")
    refused(run, "keeps no accounts of jobs", "slurm-status-command: squeue")


def test_the_paper_s_scale_asks_for_more_than_this_cluster_has(
    project: Path, run_on: Callable[..., ClusterRun]
) -> None:
    run = run_on(project, "all", "--slurm-status-command", "squeue", profiles=PROFILES[:2])
    refused(run, "MB of memory, but such nodes of the partition 'cpu' have")


def test_a_profile_that_is_not_there_is_named(project: Path, snakemake: Callable) -> None:
    done = snakemake(project, "--profile", "slrum", *PROFILES[2:], "-n", "all")
    assert done.returncode != 0
    assert "profile directory given (slrum), but no profile.yaml" in " ".join(done.stdout.split())
