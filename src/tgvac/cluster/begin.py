"""The begin of a run on a cluster, before any job is submitted: everything that would go wrong hours later."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tgvac.bridge.cluster_job import ONLINE
from tgvac.cluster.leftovers import cancel_left_jobs
from tgvac.cluster.notice import check_notice, saving_rate
from tgvac.cluster.requests import PROFILE, Request, check_requests
from tgvac.cluster.run_lock import hold_run_lock
from tgvac.cluster.site import read_site
from tgvac.cluster.weights import check_cached, hub_weights
from tgvac.counted import counted
from tgvac.errors import BadInput
from tgvac.params import Params, load_params
from tgvac.phases import PHASES

TRAINING_RULES = {f"train_{phase.name}": phase.name for phase in PHASES if phase.trains}
"""The phase of each rule that trains."""


def begin_run(root: Path, scale: str, jobs: Iterable[Any], most: int | None, arrays: str, status_command: str) -> None:
    """Take the folder for this run, cancel what a killed one has left, and check what the jobs ask for.

    Args:
        jobs: Snakemake's jobs that are to be run.
        most: jobs that Snakemake gives to the cluster at once (``--jobs``); None for all.
        arrays: names of the rules whose jobs are submitted as arrays (``--slurm-array-jobs``).
        status_command: what Snakemake asks for the states of jobs (``--slurm-status-command``).

    Raises:
        SystemExit: with code 2, after one sentence that says what to change.
    """
    try:
        if warning := hold_run_lock(root):
            print(f"tgvac: {warning}.", file=sys.stderr)
        if count := cancel_left_jobs(root):
            are = "is" if count == 1 else "are"
            left = f"{counted(count, 'job')} that an earlier run had left in the queue {are} cancelled"
            print(f"{left}; what they saved is used", flush=True)
        submitted = [job for job in jobs if not job.is_local]
        _check_arrays(Counter(job.rule.name for job in submitted), most, arrays)
        # Jobs of a rule ask for the same.
        asking = {job.rule.name: job for job in submitted}
        if asking:
            site = read_site()
            if status_command == "sacct" and not site.remembers:
                raise BadInput(
                    "This cluster keeps no accounts of jobs, so Snakemake would never learn that one has ended; set"
                    f" slurm-status-command: squeue in {PROFILE}."
                )
            check_requests(site, [Request.of(job) for job in asking.values()])
            params = load_params(root, scale)
            if os.environ.get(ONLINE) != "1":
                check_cached(hub_weights(root, params, asking))
            _check_notices(root, scale, params, asking)
    except BadInput as error:
        print(f"tgvac: {error}", file=sys.stderr, flush=True)
        raise SystemExit(2) from None


def _check_arrays(counts: Mapping[str, int], most: int | None, arrays: str) -> None:
    """Refuse a limit that divides an array: version 2.8 of the executor then waits for the rest and submits nothing."""
    total = sum(counts.values())
    if most is not None and total > most and any(counts.get(name.strip(), 0) > 1 for name in arrays.split(",")):
        raise BadInput(
            f"--jobs {most} is fewer than the {total} jobs of this run, and the executor would wait for ever for the"
            " rest of an array; leave --jobs out, or add --slurm-array-jobs ''."
        )


def _check_notices(root: Path, scale: str, params: Params, asking: dict[str, Any]) -> None:
    training = {rule: asking[rule] for rule in TRAINING_RULES if rule in asking}
    if not training:
        return
    sizes = checkpoint_sizes(root, scale, params, {TRAINING_RULES[rule] for rule in training})
    rules = {
        rule: (
            str(job.resources.get("slurm_extra") or ""),
            int(job.resources.get("runtime") or 0),
            sizes[TRAINING_RULES[rule]],
        )
        for rule, job in training.items()
    }
    check_notice(rules, saving_rate(root / "scratch"), PROFILE)


def checkpoint_sizes(root: Path, scale: str, params: Params, phases: Iterable[str]) -> dict[str, int]:
    """Bytes of a checkpoint of each training phase, from the shapes of the scale's networks."""
    # torch, and the shapes of networks, take seconds.
    from tgvac.planning.model_costs import ModelCosts
    from tgvac.planning.plan import networks_of
    from tgvac.planning.reference import load_costs
    from tgvac.planning.training import checkpoint_bytes

    models, costs = ModelCosts(networks_of(root, scale, params)), load_costs(root)
    return {name: checkpoint_bytes(name, getattr(params, name), models, costs) for name in phases}
