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
) -> None:
    """Run one phase, or one shard of it; a phase with shards runs them all, then joins them."""
    from tgvac.bridge.runner import run_phase

    options = {"method": method, "variant": variant, "seed": str(seed)}
    run_phase(Path.cwd(), phase, scale, shard, merge, options, _pairs(at), device)


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
def preview(scale: Scale) -> None:
    """Write the page that shows a scale's data, before anything is trained on it."""
    from tgvac.params import load_params
    from tgvac.report.preview import write_preview
    from tgvac.stage import Context

    params = load_params(Path.cwd(), scale)
    ctx = Context(Path.cwd(), scale, "preview", "")
    write_preview(ctx, params.report)
    print(f"the data set can be looked at in {ctx.out / 'index.html'}")


@app.command()
def standins(scale: Scale) -> None:
    """Put together the stand-ins that come with the project, from a scale that trained them."""
    from tgvac.params import load_params
    from tgvac.stage import Context
    from tgvac.training.ship import ship

    load_params(Path.cwd(), scale)
    ctx = Context(Path.cwd(), scale, "standins", "")
    ship(ctx, ctx.out, f"snakemake -c2 standins --config scale={scale}")
    print(f"the stand-ins are in {ctx.out}")


@app.command()
def track(
    scale: Scale,
    optional: Annotated[bool, typer.Option("--optional", help="Tell a failure and end with exit code 0.")] = False,
) -> None:
    """Show a scale's finished runs to MLflow: params, curves, final numbers, samples."""
    from tgvac.bridge.track import track_scale

    track_scale(Path.cwd(), scale, optional)


@app.command()
def ui(port: Annotated[int, typer.Option("--port", "-p", help="A free port of 127.0.0.1.")] = 5000) -> None:
    """Start MLflow's pages on this machine."""
    from tgvac.bridge.tracked_outcome import store_folder
    from tgvac.bridge.tracking import serve

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
