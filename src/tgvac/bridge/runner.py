"""Running a phase: its jobs one after the other, each under a lock, with its provenance written beside its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tgvac.bridge.graph import Graph, check_given
from tgvac.bridge.jobs import Job
from tgvac.bridge.processes import run_shared
from tgvac.errors import BadInput
from tgvac.files import locked
from tgvac.params import Params, load_params
from tgvac.phases import Options, phase, shard_count
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
        shard: one shard only; None for all of them and then their joining.
        merge: join the shards, and make none.
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
    elif resume_from is not None:
        raise BadInput(f"Phase '{name}' trains nothing that could be resumed; leave --resume-from out.")
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
        # The first of the processes holds the lock, and writes what the training makes.
        job.run(ctx)
        return
    with locked(ctx.root / "scratch" / ctx.scale / "locks" / f"{job.name}.lock"):
        job.check_inputs(ctx.root)
        job.record(ctx.root, job.run(ctx))


def share_training(root: Path, name: str, scale: str, portions: Portions, arguments: Sequence[str]) -> int:
    """Run a training as several processes of the same command; its exit code.

    Raises:
        BadInput: when the phase is no training that processes could share, or its batch cannot be divided so.
    """
    if not phase(name).trains:
        raise BadInput(f"Phase '{name}' is not shared among processes; leave --processes out, or shard it.")
    params = load_params(root, scale)
    # Before any of them is started, since each would say it.
    check_portions(params, name, portions)
    return run_shared(arguments, portions.processes, params.compute.threads)


def check_portions(params: Params, name: str, portions: Portions) -> None:
    """Refuse options that don't divide the batch of a training.

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
