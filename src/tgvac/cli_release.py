"""What leaves a finished run: ``tgvac export-model``, ``standins``, ``release`` and ``verify``."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from tgvac.counted import counted
from tgvac.errors import BadInput

Scale = Annotated[str, typer.Option("--scale", "-s", help="A scale of workflow/scales/.")]
LISTED = 5
"""Differences that the line names."""


def export_model(
    scale: Scale,
    to: Annotated[
        Path | None, typer.Option("--to", "--out", "-o", help="A folder that is new, empty, or an earlier export.")
    ] = None,
    variant: Annotated[str, typer.Option(help="The variant of the training.")] = "full",
    seed: Annotated[int, typer.Option(help="The training seed.")] = 0,
    half: Annotated[
        bool, typer.Option("--half", help="Weights in half precision alone: the variant fp16 of diffusers.")
    ] = False,
) -> None:
    """Write a scale's trained model as a diffusers folder, with its model card."""
    from tgvac.release.export_model import export_model as write

    print(f"the model is in {write(Path.cwd(), scale, to, variant, seed, half)}")


def standins(scale: Scale) -> None:
    """Collect the stand-ins that ship with the project from a scale that trained them."""
    from tgvac.metrics.clip_score import load_scoring_clip
    from tgvac.metrics.ranking import ranking
    from tgvac.params import load_params
    from tgvac.release.shipping import ship
    from tgvac.stage import Context
    from tgvac.synthesis.clips import recipe_clips

    params = load_params(Path.cwd(), scale)
    ctx = Context(Path.cwd(), scale, "standins", "")
    scorer = load_scoring_clip(ctx.results / "backbones" / "scoring_clip")
    ranks = ranking(scorer, recipe_clips(ctx, "val"), params.framing, params.metrics.batch)
    ship(ctx, ctx.out, f"tgvac run --scale {scale} --target standins", params.baseline_variants, ranks)
    print(f"the stand-ins are in {ctx.out}")


def release(
    scale: Scale,
    to: Annotated[
        Path | None,
        typer.Option("--to", "--out", "-o", help="A folder, or a file that ends in .zip; by default release/<scale>."),
    ] = None,
    published: Annotated[str, typer.Option("--date", help="YYYY-MM-DD; by default today.")] = "",
) -> None:
    """Write a finished run as an RO-Crate: reports, tables, provenance, params, environment and checksums."""
    from tgvac.release.crate import release as write

    try:
        day = date.fromisoformat(published) if published else datetime.now(UTC).date()
    except ValueError:
        raise BadInput(f"--date is '{published}'; write YYYY-MM-DD.") from None
    done = write(Path.cwd(), scale, to or Path("release") / scale, day)
    print(f"{counted(done.files, 'file')} in {done.path}; its manifest is {done.digest}")


def verify(
    crate: Annotated[Path, typer.Argument(help="A release: a folder or a zip.")],
    manifest: Annotated[
        str, typer.Option(help="The manifest's SHA-256, as `tgvac release` printed it, if you have it from elsewhere.")
    ] = "",
) -> None:
    """Check that a release is as it was written, without network; say in one line what differs."""
    from tgvac.release.verify import verify as check

    found = check(crate)
    differences = list(found.differences)
    if manifest and manifest != found.digest:
        differences.insert(0, f"the manifest is {found.digest or 'missing'}, not {manifest}")
    if not differences:
        print(f"{crate} is as it was released: {counted(found.files, 'file')}, manifest {found.digest}")
        return
    more = f"; and {len(differences) - LISTED} more" if len(differences) > LISTED else ""
    print(f"{crate} has {counted(len(differences), 'difference')}: {'; '.join(differences[:LISTED])}{more}")
    raise typer.Exit(1)
