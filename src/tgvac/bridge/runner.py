"""Running a phase: its jobs one after the other, each under a lock, with provenance beside its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tgvac.bridge.footage import check_given
from tgvac.bridge.graph import Graph
from tgvac.bridge.jobs import Job
from tgvac.bridge.processes import run_shared
from tgvac.bridge.requeue import requeued
from tgvac.errors import BadInput
from tgvac.files import locked
from tgvac.params import Params, load_params
from tgvac.phase_spec import Options
from tgvac.phases import phase, shard_count
from tgvac.stage import Context, Portions
from tgvac.training.params import TrainingParams

ALONE = Portions()


def run_phase(
    root: Path,
    name: str,
    scale: str,
    shard: int | None,
    merge: bool,
    options: Options,
    locations: Mapping[str, str],
    device: str,
    portions: Portions = ALONE,
    resume_from: Path | None = None,
) -> None:
    """Run a phase at a scale.

    Args:
        shard: make this shard only; None makes all shards and then joins them.
        merge: join the shards without making any.
        options: method, variant and seed, for the phases whose files name them.
        locations: folders or archives that the user gives, by source.
        portions: how a training is divided.
        resume_from: checkpoints of a run of other code, from which a training resumes.

    Raises:
        BadInput: for whatever the user can fix.
    """
    wanted, params = phase(name), load_params(root, scale)
    check_given(locations, params, scale)
    if wanted.trains:
        check_portions(params, name, portions)
        if resume_from is not None and not any(
            [*resume_from.glob("state.json"), *resume_from.glob("step-*/state.json")]
        ):
            # Before data and networks are loaded; which of the checkpoints is whole shows later.
            raise BadInput(f"--resume-from {resume_from} has no checkpoint; give a folder with step-… folders in it.")
    elif resume_from is not None:
        raise BadInput(f"Phase '{name}' is not a training that can be resumed; leave --resume-from out.")
    for job in Graph(scale, params, {}).jobs(name, options, shard, merge):
        ctx = Context(
            root=root,
            scale=scale,
            phase=name,
            digest=job.digest,
            shard=job.shard,
            shards=shard_count(params, wanted),
            device=device,
            locations=dict(locations),
            options=dict(options),
            portions=portions,
            params=job.params_digest,
            code=job.code_digest,
            resume_from=resume_from,
        )
        _run_job(ctx, job)


def _run_job(ctx: Context, job: Job) -> None:
    if ctx.portions.rank:
        # Only the first process holds the lock and writes what the training makes.
        job.run(ctx)
        return
    scratch = ctx.root / "scratch" / ctx.scale
    with (
        requeued(scratch / "requeued" / job.name, trains=job.phase.trains),
        locked(scratch / "locks" / f"{job.name}.lock"),
    ):
        job.check_inputs(ctx.root)
        job.record(ctx.root, job.run(ctx))


def share_training(root: Path, name: str, scale: str, portions: Portions, arguments: Sequence[str]) -> int:
    """Run a training as several processes of the same command; returns its exit code.

    Raises:
        BadInput: when the phase is not a training, or its batch cannot be divided among the processes.
    """
    if not phase(name).trains:
        raise BadInput(f"Phase '{name}' is not a training that processes can share; leave --processes out.")
    params = load_params(root, scale)
    # Checked before the processes start, since each of them would print the error.
    check_portions(params, name, portions)
    return run_shared(arguments, portions.processes, params.compute.threads)


def check_portions(params: Params, name: str, portions: Portions) -> None:
    """Refuse options that do not divide the batch of a training.

    Raises:
        BadInput: with the key and the option.
    """
    training: TrainingParams = getattr(params, name)
    batch, processes, size = training.batch, portions.processes, portions.micro_batch
    if batch % processes:
        raise BadInput(
            f"{name}.batch {batch} cannot be divided among --processes {processes}; choose a number that divides it."
        )
    share = batch // processes
    if size and share % size:
        among = f" of --processes {processes} ({share} samples each)" if processes > 1 else ""
        raise BadInput(
            f"{name}.batch {batch}{among} cannot be divided into portions of --micro-batch {size}; choose one that"
            f" divides {share}."
        )
