"""Running one phase: params, digest, lock, the phase's own code, provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tgvac import provenance
from tgvac.bridge.graph import Graph, check_given
from tgvac.bridge.processes import run_shared
from tgvac.errors import BadInput
from tgvac.files import locked
from tgvac.params import Params, load_params
from tgvac.phases import (
    Phase,
    join_module,
    join_params_digest,
    params_digest,
    phase,
    phase_digest,
    run_step,
    shard_count,
)
from tgvac.stage import Context, Portions
from tgvac.training.params import TrainingParams

ALONE = Portions()
SHARED = ("frame", "motion")
"""Phases whose training several processes can share."""


def run_phase(
    root: Path,
    name: str,
    scale: str,
    shard: int | None,
    merge: bool,
    options: Mapping[str, str],
    locations: Mapping[str, str],
    device: str,
    portions: Portions = ALONE,
) -> None:
    """Run a phase at a scale.

    Args:
        shard: one shard only; None for all of them and then their joining.
        merge: join the shards, and make none.
        options: method, variant and seed, for the phases whose files name them.
        portions: how a training is divided.

    Raises:
        BadInput: for whatever the user can mend.
    """
    wanted = phase(name)
    params = load_params(root, scale)
    count = shard_count(params, wanted)
    if shard is not None and (wanted.shards is None or not 0 <= shard < count):
        raise BadInput(f"Phase '{name}' has no shard {shard} at scale '{scale}'; it has {count}, from 0.")
    if "method" in wanted.wildcards and not options.get("method") and not merge:
        raise BadInput(f"Phase '{name}' needs a method; give --method, as in --method ours --variant full.")
    check_given(locations, params, scale)
    if name in SHARED:
        check_portions(params, name, portions)
    ctx = Context(
        root=root,
        scale=scale,
        phase=name,
        digest=phase_digest(params, wanted, options),
        shards=count,
        device=device,
        locations=dict(locations),
        options=dict(options),
        portions=portions,
    )
    for step in _steps(ctx, wanted, shard, merge):
        part = "all" if step.shard is None else f"{step.shard:03d}"
        lock = "-".join([name, *(options[w] for w in wanted.wildcards), part])
        if portions.rank:
            # The first of the processes holds the lock, and writes what comes of it.
            run_step(step, params, wanted)
            continue
        with locked(root / "scratch" / scale / "locks" / f"{lock}.lock"):
            _check_inputs(step, wanted, params)
            run_step(step, params, wanted)
            _write_provenance(step, wanted, params)


def share_training(root: Path, name: str, scale: str, portions: Portions, arguments: Sequence[str]) -> int:
    """Run a training as several processes of the same command; its exit code.

    Raises:
        BadInput: when the phase is no training that processes could share, or its batch cannot be divided so.
    """
    if name not in SHARED:
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


def _steps(ctx: Context, wanted: Phase, shard: int | None, merge: bool) -> Iterator[Context]:
    if wanted.shards is None or merge:
        yield ctx
        return
    for k in range(ctx.shards) if shard is None else (shard,):
        yield replace(ctx, shard=k)
    # Phases whose shards belong to a method are joined over all methods, which is the graph's business.
    if shard is None and wanted.final and "method" not in wanted.wildcards:
        yield ctx


def _check_inputs(ctx: Context, wanted: Phase, params: Params) -> None:
    """Refuse what was cut short or changed since its phase made it, also where nothing is left to be made of it.

    Raises:
        BadInput: with the file.
    """
    for name in Graph(ctx.scale, params, {}).inputs(wanted.name, ctx.shard, ctx.options):
        path = ctx.root / name
        # A file without a record was not made by a phase.
        recorded = path.is_file() and provenance.provenance_of(path).is_file()
        if recorded and provenance.read_record(path) is None:
            maker = path.relative_to(ctx.results).parts[0]
            raise BadInput(
                f"{path} is not what its phase made, by the record in {path.name}.prov.json; delete it, and make it"
                f" again by `tgvac run --scale {ctx.scale} --target {maker}`."
            )


def _write_provenance(ctx: Context, wanted: Phase, params: Params) -> None:
    """Beside each file that a step ends in; the joining of shards has params and code of its own."""
    joining = wanted.shards is not None and ctx.shard is None
    names = (*wanted.final, *wanted.lists) if ctx.shard is None else (wanted.part,)
    decided = join_params_digest(params, wanted) if joining else params_digest(params, wanted, ctx.options)
    code = provenance.code_digest(join_module(wanted) if joining else wanted.module)
    read = Graph(ctx.scale, params, {}).inputs(wanted.name, ctx.shard, ctx.options)
    # Named without their scale, so that the same result has the same provenance at another scale.
    inputs = {name.removeprefix(f"results/{ctx.scale}/"): ctx.root / name for name in read}
    for name in names:
        output = ctx.out / name.format(**{**ctx.options, "shard": ctx.shard})
        provenance.write_provenance(output, wanted.name, decided, code, inputs)
