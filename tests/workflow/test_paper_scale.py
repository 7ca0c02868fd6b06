"""The graph at the paper's size: 1,400 objects and 6,940 synthesized videos, with the files that they leave."""

from __future__ import annotations

import re
import resource
from pathlib import Path

import pytest

from benchmarks.paper_data import PAPER_OBJECTS, PAPER_VIDEOS, PaperData, Sizes
from tests.conftest import CLONE, Command, make_project
from tests.workflow.test_graph import planned
from tgvac.clips.recipe import read_recipes
from tgvac.params import load_params
from tgvac.shards import read_index

pytestmark = pytest.mark.workflow

PARAMS = load_params(CLONE, "paper")
JOBS = 1500
SECONDS = 60.0
"""Limit of processor time. A dry run takes a few seconds; more means that the graph has grown with the data."""


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder in which the data phases of scale `paper` are done, without pixels."""
    root = make_project(tmp_path_factory.mktemp("paper"))
    sizes = Sizes(PAPER_OBJECTS, PAPER_VIDEOS, frames=14, buckets=4, pairs=10, shards=PARAMS.shards.data)
    PaperData(root, "paper", sizes).write(PARAMS.select, PARAMS.synthesis, PARAMS.captions)
    return root


def planning(snakemake: Command, root: Path, *more: str) -> tuple[dict[str, int], float]:
    """Jobs by rule of a dry run of all, and the seconds of processor time that it took."""
    began = worked()
    done = snakemake(root, "-n", "-c2", "all", "--config", "scale=paper", *more)
    assert done.returncode == 0, done.stdout[-3000:]
    return planned(done.stdout), worked() - began


def worked() -> float:
    """Seconds of processor time of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_indices_hold_as_much_as_the_paper_s_data_set(paper: Path) -> None:
    assert len(read_index(paper / "results" / "paper" / "tracks" / "index.json")) == sum(PAPER_OBJECTS.values()) == 1400
    recipes = read_recipes(paper / "results" / "paper" / "synthesis" / "recipes.parquet")
    by_source = {source: sum(r.source == source for r in recipes) for source in PAPER_VIDEOS}
    assert by_source == PAPER_VIDEOS
    assert len(recipes) == 6940


def test_the_paper_s_scale_takes_some_hundred_jobs(project: Path, snakemake: Command) -> None:
    jobs, seconds = planning(snakemake, project)
    assert sum(jobs.values()) <= JOBS
    assert jobs["tracks_shard"] == jobs["captions_shard"] == PARAMS.shards.data
    methods = PARAMS.evaluation.methods
    assert jobs["metrics_method"] == len(methods)
    # Ours, its ablations and baselines sample with trained networks; the others copy, fill, decode or paste.
    sampled = [name for name in methods if name.partition("/")[0] in ("ours", "pix2gestalt", "progressive")]
    sampled = [name for name in sampled if "pasted" not in name]
    assert jobs["completion_shard"] == PARAMS.shards.evaluation * len(sampled)
    assert jobs["completion_method"] == len(methods) - len(sampled)
    assert seconds <= SECONDS


def test_with_all_data_only_later_phases_are_planned_whatever_the_size_of_the_data(
    paper: Path, project: Path, snakemake: Command
) -> None:
    jobs, seconds = planning(snakemake, paper)
    data = {"sources", "tracks", "masks", "select", "synthesis", "captions"}
    assert not {name for name in jobs if name.removesuffix("_shard") in data}
    assert jobs["latents_shard"] == PARAMS.shards.data
    everything, _ = planning(snakemake, project)
    follows = {name: count for name, count in everything.items() if name.removesuffix("_shard") not in data}
    assert jobs == follows
    assert seconds <= SECONDS


def test_all_jobs_again_are_as_many_as_without_data(paper: Path, snakemake: Command) -> None:
    jobs, seconds = planning(snakemake, paper, "--forceall")
    assert sum(jobs.values()) <= JOBS
    assert seconds <= SECONDS


def test_shards_are_about_equally_large(paper: Path) -> None:
    shards = sorted((paper / "results" / "paper" / "tracks" / "shards").glob("*.json"))
    assert [int(re.sub(r"\D", "", path.stem)) for path in shards] == list(range(PARAMS.shards.data))
    counts = [len(read_index(path)) for path in shards]
    assert sum(counts) == 1400
    # About 58 each, with a standard deviation of 7.5: hours of work, not days, in the largest one.
    assert max(counts) <= 58 + 5 * 7.5
