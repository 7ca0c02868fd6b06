"""``tgvac release`` and ``tgvac verify``: a finished run as a crate that others can check."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from tgvac.counted import counted
from tgvac.errors import BadInput

LISTED = 5
"""Differences that the line names."""


def release(
    scale: Annotated[str, typer.Option("--scale", "-s", help="A scale of workflow/scales/.")],
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
