"""The command line: ``tgvac stage <phase>`` for the workflow, and the commands for users."""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tgvac import __version__
from tgvac.cli_complete import app as browser
from tgvac.cli_complete import complete, complete_export, demo, stoppable
from tgvac.cli_data import data
from tgvac.cli_ledger import explain, ledger
from tgvac.cli_release import export_model, release, standins, verify
from tgvac.cli_state import commit, pull, push, status
from tgvac.cli_study import study
from tgvac.counted import counted
from tgvac.errors import BadInput

_REMEDY = "fix that"
_REMEDIES = {
    errno.ENOENT: "run the phase that makes it (`tgvac phases` lists them)",
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EACCES: "fix the permissions",
    errno.EROFS: "fix the permissions",
    # flock, on a file system without locks.
    **dict.fromkeys((errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP), "use a file system with locks (docs/cluster.md)"),
}

app = typer.Typer(
    help="Text-guided video amodal completion: the whole object, in every frame.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(complete)
app.command("complete-export")(complete_export)
app.command()(demo)
app.command("app")(browser)
app.command()(status)
app.command()(commit)
app.command()(push)
app.command()(pull)
app.command()(explain)
app.command()(ledger)
app.command("export-model")(export_model)
app.command()(standins)
app.command()(release)
app.command()(verify)
app.add_typer(data, name="data")
app.add_typer(study, name="study")

Scale = Annotated[str, typer.Option("--scale", "-s", help="A scale of workflow/scales/.")]
Truth = Annotated[
    str, typer.Option(help="A data set with the truth: tabe51:FOLDER or movi_mc_ac:FOLDER (docs/external-truth.md).")
]
Given = Annotated[list[str] | None, typer.Option("--at", help="NAME=PATH: a source's folder or archive.")]


def _pairs(given: list[str] | None) -> dict[str, str]:
    paths = {}
    for pair in given or []:
        name, found, path = pair.partition("=")
        if not found or not name or not path:
            raise BadInput(f"'--at {pair}' is not NAME=PATH; write, for instance, --at davis=/data/DAVIS.")
        paths[name] = path
    return paths


@app.command()
def stage(
    phase: Annotated[str, typer.Argument(help="A phase; `tgvac phases` lists them.")],
    scale: Scale,
    shard: Annotated[int | None, typer.Option(help="Make only this shard, counted from 0.")] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Only join the shards.")] = False,
    method: Annotated[str, typer.Option(help="The method of completion and metrics.")] = "",
    variant: Annotated[str, typer.Option(help="The variant of a training or method.")] = "full",
    seed: Annotated[int, typer.Option(help="The training seed.")] = 0,
    at: Given = None,
    device: Annotated[str, typer.Option(help="A torch device; auto takes the first GPU.")] = "auto",
    processes: Annotated[int, typer.Option(min=1, help="Training: number of processes, one GPU each.")] = 1,
    micro_batch: Annotated[int, typer.Option(min=0, help="Training: samples computed at once; 0 is all.")] = 0,
    checkpointing: Annotated[bool, typer.Option(help="Training: save memory, take a third more time.")] = False,
    resume_from: Annotated[
        Path | None,
        typer.Option(help="Training: a folder of checkpoints of a run that differs from this one only in its code."),
    ] = None,
) -> None:
    """Run one phase, or one shard of it; a phase with shards makes them all, then joins them."""
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
    from tgvac.methods.registry import trained_phases
    from tgvac.params import load_params
    from tgvac.phases import PHASES, shard_count

    params = load_params(Path.cwd(), scale)
    for p in PHASES:
        count = f"{shard_count(params, p)} shards" if p.shards else ""
        after = (*p.after, "backbones", *trained_phases()) if p.loads_method else p.after
        print(f"{p.name:<11} {count:<10} after {', '.join(after) or 'nothing'}")


@app.command()
def params(scale: Scale) -> None:
    """Print the params of a scale as YAML, and the digest of the params of each phase."""
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
    """Run the workflow up to a target; interrupted work is resumed."""
    from tgvac.bridge.workflow import run_workflow
    from tgvac.versioning.reconciling import prepare

    raise typer.Exit(run_workflow(Path.cwd(), scale, cores, target, _pairs(at), prepare(Path.cwd())))


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="A folder that is new, empty, or an earlier export.")],
    scale: Annotated[str, typer.Option("--scale", "-s", help="A scale of workflow/scales/.")] = "",
    split: Annotated[str, typer.Option(help="train, dev or val.")] = "val",
    kind: Annotated[
        str, typer.Option("--format", help="davis (folders of images) or mp4; inputs or truth, each without the other.")
    ] = "davis",
    evaluated: Annotated[
        bool, typer.Option("--evaluated", help="Only the clips and frames that the scale evaluates.")
    ] = False,
    truth: Truth = "",
    texts: Annotated[
        Path | None, typer.Option(help="With --truth: sentences on the objects, CSV with the columns name and text.")
    ] = None,
    most: Annotated[
        int, typer.Option(min=0, help="With --truth: at most so many objects, drawn by their names; 0: all.")
    ] = 0,
) -> None:
    """Write videos as plain files: a scale's, or with --truth what methods are given of a data set."""
    if bool(scale) == bool(truth):
        raise BadInput("Give either --scale, or --truth LAYOUT:FOLDER.")
    if truth:
        if evaluated or split != "val" or kind not in ("davis", "inputs"):
            raise BadInput("--truth is exported as inputs alone; leave --split, --format and --evaluated out.")
        with stoppable():
            _export_external(truth, out, texts, most)
        return
    if texts or most:
        raise BadInput("--texts and --most are of a data set; leave them out with --scale.")
    with stoppable("stopped; nothing was written or replaced, so run the same command again"):
        from tgvac.evaluate.samples import evaluated_frames
        from tgvac.params import load_params
        from tgvac.stage import Context
        from tgvac.synthesis.export import export as write

        params, ctx = load_params(Path.cwd(), scale), Context(Path.cwd(), scale, "export", "")
        frames = evaluated_frames(ctx, params.evaluation) if evaluated else None
        count = write(ctx, split, out.expanduser(), kind, params.report.fps, frames)
    print(f"{counted(count, 'video')} of the split '{split}' {'is' if count == 1 else 'are'} in {out}")


def _export_external(truth: str, out: Path, texts: Path | None, most: int) -> None:
    from tgvac.external.export import export_inputs
    from tgvac.external.texts import read_texts
    from tgvac.external.truth import open_truth

    found = open_truth(truth)
    said = read_texts(texts, found.samples()) if texts else {}
    made = export_inputs(found, found.folder, out.expanduser().absolute(), said, most)
    for reason in made.left_out.values():
        print(f"left out: {reason}")
    are = "is" if made.samples == 1 else "are"
    print(f"{counted(made.samples, 'sample')} of {found.layout.title} {are} in {out}")


@app.command()
def evaluate(
    outputs: Annotated[Path, typer.Option("--outputs", help="Pictures by sample: a folder, or a zip of it.")],
    name: Annotated[str, typer.Option("--method-name", help="What tables call the method.")],
    scale: Scale = "tiny",
    inputs: Annotated[
        Path | None, typer.Option(help="The export that they were made of, if its export.json is not among them.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A folder; by default results/<scale>/evaluate/<name>.")
    ] = None,
    device: Annotated[str, typer.Option(help="A torch device; auto takes the first GPU.")] = "auto",
    truth: Truth = "",
) -> None:
    """Score outputs that were made elsewhere, beside the methods of a scale, or with --truth on a data set."""
    outputs, inputs, out = outputs.expanduser(), inputs and inputs.expanduser(), out and out.expanduser()
    with stoppable():
        if truth:
            from tgvac.evaluate.external import evaluate_external

            made = evaluate_external(Path.cwd(), scale, truth, outputs, name, inputs, out, device)
        else:
            from tgvac.evaluate.command import evaluate as run

            made = run(Path.cwd(), scale, outputs, name, inputs, out, device)
    for reason in made.left_out.values():
        print(f"left out: {reason}")
    print("\n".join(made.lines))
    print(f"scored {made.scored} of {counted(made.of, 'sample')}; look at {made.out / 'tables' / made.table}")


@app.command()
def convert(
    kind: Annotated[str, typer.Argument(help="Whose weights: pix2gestalt.")],
    checkpoint: Annotated[Path, typer.Argument(help="The file as published; nothing in it is run.")],
    folder: Annotated[Path, typer.Argument(help="A folder that is new, or an earlier conversion.")],
) -> None:
    """Convert published weights of another method, for its rows in tables and for `tgvac complete --method`."""
    from tgvac.config import nearest
    from tgvac.errors import BadInput
    from tgvac.published.pix2gestalt import KIND
    from tgvac.published.pix2gestalt import convert as write

    if kind != KIND:
        raise BadInput(f"No conversion is called '{kind}'; {nearest(kind, [KIND])}")
    print(f"the weights are in {write(checkpoint.expanduser(), folder.expanduser())}")


@app.command()
def plan(
    scale: Scale,
    memory: Annotated[
        bool, typer.Option("--memory", help="Show which training settings fit a small GPU instead.")
    ] = False,
    details: Annotated[bool, typer.Option("--details", help="Add a row for each training, method and source.")] = False,
    precision: Annotated[
        str | None,
        typer.Option(help="Of all work: bfloat16, tf32 or float32; by default what the params of each stage say."),
    ] = None,
    utilisation: Annotated[
        float | None,
        typer.Option(min=0.001, max=1.0, help="Share of the peak; by default that of reference/costs.yaml."),
    ] = None,
    objects: Annotated[int | None, typer.Option(min=1, help="Of your own footage: number of objects.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Of your own footage: frames of each object.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what a scale costs before it is run: FLOPs, GPU-hours, storage and jobs of each phase. Needs no weights."""
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
    highest: Annotated[float, typer.Option(help="Learning rate of the last step.")] = 1e-1,
    steps: Annotated[int, typer.Option(min=1, help="Steps between the two, by equal factors.")] = 120,
    probe: Annotated[int, typer.Option(min=1, help="Held-out samples whose loss is measured.")] = 16,
    every: Annotated[int, typer.Option(min=1, help="Steps between two measurements.")] = 2,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A folder; by default results/<scale>/lr-range.")
    ] = None,
    device: Annotated[str, typer.Option(help="A torch device; auto takes the first GPU.")] = "auto",
) -> None:
    """Find the learning rates that a stage can be trained with, by a short training whose rate rises."""
    from tgvac.bridge.lr_range import run_lr_range

    print(run_lr_range(Path.cwd(), scale, stage, lowest, highest, steps, probe, every, out, device))


@app.command()
def mlflow(
    scale: Scale,
    optional: Annotated[bool, typer.Option("--optional", help="Report a failure, but end with exit code 0.")] = False,
) -> None:
    """Import a scale's finished trainings into MLflow: params, curves, final scores, samples."""
    from tgvac.bridge.mlflow_import import import_scale

    import_scale(Path.cwd(), scale, optional)


@app.command()
def ui(
    port: Annotated[int, typer.Option("--port", "-p", min=1, max=65535, help="A free port of 127.0.0.1.")] = 5000,
) -> None:
    """Start MLflow's web interface on this machine."""
    from tgvac.bridge.mlflow_outcome import store_folder
    from tgvac.bridge.mlflow_store import serve

    serve(store_folder(Path.cwd()), port)


@app.command()
def dvc(
    write: Annotated[
        bool, typer.Option("--write/--check", help="Bring the files up to date, or only check them.")
    ] = False,
    scale: Annotated[str | None, typer.Option("--scale", "-s", help="Check only this scale's file.")] = None,
) -> None:
    """Generate each scale's dvc.yaml, or say which ones are stale."""
    from tgvac.bridge.dvc_stages import check_dvc, write_dvc

    if not write:
        check_dvc(Path.cwd(), scale)
        return
    for name in write_dvc(Path.cwd()):
        print(f"{name} is now up to date")


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def _system_error(error: Exception) -> OSError | None:
    """The system error behind an exception, or None. Some libraries give only its text, with the number in brackets."""
    if isinstance(error, OSError):
        return error
    found = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(found[1]), os.strerror(int(found[1]))) if found else None


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; a user's mistake gives one sentence and exit code 2, never a traceback."""
    # Read when torch is imported. Threads that spin while they wait starve other processes on the same cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
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
