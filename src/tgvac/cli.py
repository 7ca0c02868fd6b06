"""The command line: ``tgvac stage <phase>`` for the workflow, and the users' verbs."""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tgvac import __version__
from tgvac.errors import BadInput

_REMEDY = "mend that"
_REMEDIES = {
    errno.ENOENT: "run the phase that makes it (`tgvac phases` lists them)",
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EACCES: "mend the permissions",
    errno.EROFS: "mend the permissions",
}

app = typer.Typer(
    help="Text-guided video amodal completion: the whole object, in every frame.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

data = typer.Typer(help="The archives of real footage: what is here, and how the rest gets here.", no_args_is_help=True)
app.add_typer(data, name="data")

Scale = Annotated[str, typer.Option("--scale", "-s", help="A scale of workflow/scales/.")]
Given = Annotated[list[str] | None, typer.Option("--at", help="NAME=PATH: a source's folder or archive.")]


def _pairs(given: list[str] | None) -> dict[str, str]:
    out = {}
    for pair in given or []:
        name, found, path = pair.partition("=")
        if not found or not name or not path:
            raise BadInput(f"'--at {pair}' is not NAME=PATH; write, for instance, --at davis=/data/DAVIS.")
        out[name] = path
    return out


@app.command()
def stage(
    phase: Annotated[str, typer.Argument(help="A phase; `tgvac phases` lists them.")],
    scale: Scale,
    shard: Annotated[int | None, typer.Option(help="Make this shard only, from 0.")] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Only join the shards.")] = False,
    method: Annotated[str, typer.Option(help="Of completion and metrics.")] = "",
    variant: Annotated[str, typer.Option(help="Of a training, or of a method.")] = "full",
    seed: Annotated[int, typer.Option(help="The training seed.")] = 0,
    at: Given = None,
    device: Annotated[str, typer.Option(help="A torch device; auto takes the first GPU.")] = "auto",
    processes: Annotated[int, typer.Option(min=1, help="Share a training among so many, a GPU each.")] = 1,
    micro_batch: Annotated[int, typer.Option(min=0, help="Of a training: samples at once; 0: all.")] = 0,
    checkpointing: Annotated[bool, typer.Option(help="Of a training: less memory, a third more time.")] = False,
    resume_from: Annotated[
        Path | None,
        typer.Option(help="Of a training: a folder of checkpoints that only the code separates from this run."),
    ] = None,
) -> None:
    """Run one phase, or one shard of it; a phase with shards runs them all, then joins them."""
    from tgvac.bridge.processes import is_one_of_several, rank
    from tgvac.bridge.runner import run_phase, share_training
    from tgvac.stage import Portions

    portions = Portions(processes, rank() if processes > 1 else 0, micro_batch, checkpointing)
    if processes > 1 and not is_one_of_several():
        raise typer.Exit(share_training(Path.cwd(), phase, scale, portions, sys.argv[1:]))
    options = {"method": method, "variant": variant, "seed": str(seed)}
    run_phase(Path.cwd(), phase, scale, shard, merge, options, _pairs(at), device, portions, resume_from)


@app.command()
def phases(scale: Scale = "tiny") -> None:
    """List the phases of the workflow, in order."""
    from tgvac.params import load_params
    from tgvac.phases import PHASES, shard_count

    params = load_params(Path.cwd(), scale)
    for p in PHASES:
        count = f"{shard_count(params, p)} shards" if p.shards else ""
        print(f"{p.name:<11} {count:<10} after {', '.join(p.after) or 'nothing'}")


@app.command()
def params(scale: Scale) -> None:
    """Print the params of a scale as YAML, and the digest of each phase's own."""
    import json

    import yaml

    from tgvac.config import canonical
    from tgvac.params import load_params
    from tgvac.phases import PHASES, params_digest

    tree = load_params(Path.cwd(), scale)
    print(yaml.safe_dump(json.loads(canonical(tree)), sort_keys=False), end="")
    for p in PHASES:
        print(f"# {p.name}: {params_digest(tree, p)[:16]}")


@app.command()
def run(
    scale: Scale,
    cores: Annotated[int, typer.Option("--cores", "-c", min=1)] = 2,
    at: Given = None,
    target: Annotated[str, typer.Option(help="A phase, or all.")] = "all",
) -> None:
    """Run the workflow up to a target; what was interrupted goes on."""
    from tgvac.bridge.workflow import run_workflow

    raise typer.Exit(run_workflow(Path.cwd(), scale, cores, target, _pairs(at)))


@app.command()
def export(
    scale: Scale,
    out: Annotated[Path, typer.Option("--out", "-o", help="A folder that is new, empty, or an earlier export.")],
    split: Annotated[str, typer.Option(help="train, dev or val.")] = "val",
    kind: Annotated[str, typer.Option("--format", help="davis (folders of pictures) or mp4.")] = "davis",
) -> None:
    """Write a scale's synthesised videos as plain files: inputs, masks, truth, captions and occlusion rates."""
    from tgvac.params import load_params
    from tgvac.stage import Context
    from tgvac.synthesis.export import export as write

    params = load_params(Path.cwd(), scale)
    count = write(Context(Path.cwd(), scale, "export", ""), split, out, kind, params.report.fps)
    print(f"{count} videos of the split '{split}' are in {out}")


@app.command("export-model")
def export_model(
    scale: Scale,
    to: Annotated[
        Path | None, typer.Option("--to", "--out", "-o", help="A folder that is new, empty, or an earlier export.")
    ] = None,
    variant: Annotated[str, typer.Option(help="Of the training.")] = "full",
    seed: Annotated[int, typer.Option(help="The training seed.")] = 0,
) -> None:
    """Write a scale's trained model as a folder of diffusers, with its card."""
    from tgvac.release.export_model import export_model as write

    print(f"the model is in {write(Path.cwd(), scale, to, variant, seed)}")


@app.command()
def standins(scale: Scale) -> None:
    """Put together the stand-ins that come with the project, from a scale that trained them."""
    from tgvac.backbones.shipping import ship
    from tgvac.params import load_params
    from tgvac.stage import Context

    load_params(Path.cwd(), scale)
    ctx = Context(Path.cwd(), scale, "standins", "")
    ship(ctx, ctx.out, "make standins")
    print(f"the stand-ins are in {ctx.out}")


@app.command()
def plan(
    scale: Scale,
    memory: Annotated[
        bool, typer.Option("--memory", help="Which settings of training fit a small GPU, instead.")
    ] = False,
    details: Annotated[
        bool, typer.Option("--details", help="A row for each training, method and source, too.")
    ] = False,
    precision: Annotated[
        str | None,
        typer.Option(help="Of all work: bfloat16, tf32 or float32; else what each stage computes in by its params."),
    ] = None,
    utilisation: Annotated[
        float | None, typer.Option(min=0.001, max=1.0, help="Share of the peak; else that of reference/costs.yaml.")
    ] = None,
    objects: Annotated[int | None, typer.Option(min=1, help="Of your own footage: so many objects.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Of your own footage: so many frames of each.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """What a scale costs before it is run: FLOPs, GPU-hours, storage and jobs of each phase; no weights are needed."""
    from tgvac.planning.show import show_memory, show_plan

    if memory:
        show_memory(Path.cwd(), scale, as_json)
    else:
        show_plan(Path.cwd(), scale, precision, utilisation, details, objects, frames, as_json)


@app.command("lr-range")
def lr_range(
    scale: Scale,
    stage: Annotated[str, typer.Option(help="frame or motion.")],
    lowest: Annotated[float, typer.Option(help="Learning rate of the first step.")] = 1e-5,
    highest: Annotated[float, typer.Option(help="That of the last.")] = 1e-1,
    steps: Annotated[int, typer.Option(min=1, help="From one to the other, by equal factors.")] = 120,
    probe: Annotated[int, typer.Option(min=1, help="Samples on which the loss is looked at, untrained ones.")] = 16,
    every: Annotated[int, typer.Option(min=1, help="Steps between two looks.")] = 2,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A folder; else results/<scale>/lr-range.")] = None,
    device: Annotated[str, typer.Option(help="A torch device; auto takes the first GPU.")] = "auto",
) -> None:
    """Which learning rates a stage of a scale can be trained with: a short training whose rate rises."""
    from tgvac.bridge.lr_range import run_lr_range

    print(run_lr_range(Path.cwd(), scale, stage, lowest, highest, steps, probe, every, out, device))


@app.command()
def mlflow(
    scale: Scale,
    optional: Annotated[bool, typer.Option("--optional", help="Tell a failure and end with exit code 0.")] = False,
) -> None:
    """Show a scale's finished runs to MLflow: params, curves, final numbers, samples."""
    from tgvac.bridge.mlflow_import import import_scale

    import_scale(Path.cwd(), scale, optional)


@app.command()
def ui(
    port: Annotated[int, typer.Option("--port", "-p", min=1, max=65535, help="A free port of 127.0.0.1.")] = 5000,
) -> None:
    """Start MLflow's pages on this machine."""
    from tgvac.bridge.mlflow_outcome import store_folder
    from tgvac.bridge.mlflow_store import serve

    serve(store_folder(Path.cwd()), port)


@app.command()
def dvc(
    write: Annotated[bool, typer.Option("--write/--check", help="Bring them up to date, or only look.")] = False,
    scale: Annotated[str | None, typer.Option("--scale", "-s", help="Look at this scale's only.")] = None,
) -> None:
    """Generate each scale's dvc.yaml, or say which one is stale."""
    from tgvac.bridge.dvc_stages import check_dvc, write_dvc

    if not write:
        check_dvc(Path.cwd(), scale)
        return
    for name in write_dvc(Path.cwd()):
        print(f"{name} is up to date now")


@data.command("status")
def data_status(
    scale: Annotated[str | None, typer.Option("--scale", "-s", help="Only the sources that this scale uses.")] = None,
) -> None:
    """What of each source is here, how large it is, whether its licence is accepted, and what to do next."""
    from tgvac.fetch.status import print_status
    from tgvac.params import load_params

    print_status(Path.cwd(), load_params(Path.cwd(), scale).sources.needed() if scale else None)


@data.command("fetch")
def data_fetch(
    sources: Annotated[list[str], typer.Argument(help="Sources of reference/registry.csv.")],
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Of a source in several archives, this part.")
    ] = None,
    accept_licences: Annotated[bool, typer.Option("--accept-licences", help="You accept what is shown.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Archives at a time.")] = None,
    scale: Annotated[str, typer.Option("--scale", "-s", help="Whose block fetch of the params counts.")] = "paper",
) -> None:
    """Fetch archives; what broke off goes on, and what is here already is verified."""
    from tgvac.fetch.obtain import obtain
    from tgvac.params import load_params

    params = load_params(Path.cwd(), scale).fetch
    if workers:
        params = params.model_copy(update={"workers": workers})
    ask = typer.confirm if sys.stdin.isatty() else None
    obtain(Path.cwd(), sources, tuple(only or ()), params, accept_licences, ask)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def _system_error(error: Exception) -> OSError | None:
    """What the system refused, or None; some libraries tell it in words of their own, with the number in brackets."""
    if isinstance(error, OSError):
        return error
    found = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(found[1]), os.strerror(int(found[1]))) if found else None


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; a user's mistake ends in one sentence and exit code 2, never in a traceback."""
    try:
        return app(args=arguments)
    except BadInput as error:
        print(f"tgvac: {error}", file=sys.stderr)
    except Exception as error:
        failed = _system_error(error)
        if failed is None or failed.errno is None:
            raise
        what = f"{failed.filename}: {failed.strerror}" if failed.filename else str(failed.strerror)
        print(
            f"tgvac: {what}; {_REMEDIES.get(failed.errno, _REMEDY)}, then run the same command again.", file=sys.stderr
        )
    sys.exit(2)
