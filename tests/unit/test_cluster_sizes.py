"""Jobs of the paper's scale on a cluster: long enough to be worth one, and far from their time limits."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import yaml

from tests.conftest import CLONE
from tgvac.bridge.graph import Graph
from tgvac.cluster.notice import notice_of
from tgvac.params import load_params
from tgvac.planning.plan import Plan, make_plan
from tgvac.planning.reference import Gpu, load_costs
from tgvac.planning.work import HOUR, Work, hours_of

COSTS = load_costs(CLONE)
PROFILE = yaml.safe_load((CLONE / "workflow" / "profiles" / "slurm" / "profile.yaml").read_text())
RESOURCES: Mapping[str, Mapping[str, object]] = PROFILE["set-resources"]
PARAMS = load_params(CLONE, "paper")
GRAPH = Graph("paper", PARAMS, {})
RENDER_S, READ_S, WRITE_S = 0.003, 0.001, 0.0065
"""Seconds of one core for a frame of 256 x 256: a clip's, rendered (0.5 h for 608,151 frames in the plan); the two PNGs
of a completion's, read and written (measured with Pillow on an AMD EPYC)."""
SHORT = {"completion copy_visible/long"}
"""A job of some minutes that no other job could do along with its own work."""


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(CLONE, "paper")


def gpu_hours(line: Work, gpu: Gpu) -> float:
    return hours_of([line], gpu, COSTS.utilisation)


def job_hours(plan: Plan, gpu: Gpu) -> dict[str, tuple[str, float]]:
    """Rule and expected hours of a job, by what it does: GPUs at the plan's share of their peak, frames by one core."""
    phases = {each.phase: each for each in plan.phases}
    found = {}
    for name, rule in (("masks", "masks_shard"), ("captions", "captions_shard"), ("latents", "latents_shard")):
        whole = sum(gpu_hours(line, gpu) for line in phases[name].lines)
        found[name] = (rule, whole / PARAMS.shards.data)
    tracks = phases["tracks"].cpu
    assert tracks is not None
    found["tracks"] = ("tracks_shard", tracks.hours / PARAMS.shards.data)
    for name in ("frame", "motion"):
        rule = f"train_{name}"
        for line in phases[name].lines:
            found[f"{name} {line.what}"] = (rule, gpu_hours(line, gpu) / int(str(RESOURCES[rule]["gpu"])))
    (measuring,) = phases["metrics"].lines
    for line in phases["completion"].lines:
        heavy = not GRAPH.is_light(line.what)
        frames = line.count * (RENDER_S + WRITE_S) / HOUR
        shards = PARAMS.shards.evaluation if heavy else 1
        rule = "completion_shard" if heavy else "completion_method"
        found[f"completion {line.what}"] = (rule, (gpu_hours(line, gpu) + frames) / shards)
        share = line.count / measuring.count
        found[f"metrics {line.what}"] = (
            "metrics_method",
            gpu_hours(measuring, gpu) * share + line.count * (RENDER_S + 2 * READ_S) / HOUR,
        )
    return found


def test_every_job_has_ten_minutes_of_work_or_more_on_an_a100(plan: Plan) -> None:
    short = {what: round(60 * hours, 1) for what, (_, hours) in job_hours(plan, COSTS.gpus["a100"]).items()}
    # Metrics start networks of 1.6 GB, half a minute, which is not counted here.
    assert {what for what, minutes in short.items() if minutes < 7} == SHORT, short
    assert sum(minutes < 10 for minutes in short.values()) <= 8, short


def test_no_job_is_so_near_its_limit_that_a_tenth_more_work_breaks_it_even_on_a_slower_gpu(plan: Plan) -> None:
    for what, (rule, hours) in job_hours(plan, COSTS.gpus["a6000"]).items():
        resources = RESOURCES[rule]
        if notice_of(str(resources["slurm_extra"]) if "slurm_extra" in resources else ""):
            continue  # It goes on in the next job, as often as it needs.
        assert 1.1 * hours <= int(str(resources["runtime"])) / 60, what


def test_trainings_and_jobs_of_many_hours_go_on_after_their_limit() -> None:
    for rule in ("train_frame", "train_motion", "backbones", "masks_shard", "completion_shard"):
        assert notice_of(str(RESOURCES[rule]["slurm_extra"])) > 0, rule
    assert PROFILE["slurm-requeue"] is True
    assert PROFILE["retries"] == 0, "SLURM alone restarts jobs"


def test_rules_that_are_told_before_their_limit_are_no_arrays() -> None:
    arrays = PROFILE["slurm-array-jobs"].split(",")
    assert not [rule for rule in arrays if "--signal" in str(RESOURCES[rule].get("slurm_extra", ""))]
    # The executor waits for ever for tasks that its limit of jobs holds back.
    assert PROFILE["jobs"] > 1500
