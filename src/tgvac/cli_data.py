"""``tgvac data``: which archives of real footage are here, how to get the rest, and what a folder is taken as."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

data = typer.Typer(help="The archives of real footage: what is here, and how to get the rest.", no_args_is_help=True)


@data.command("status")
def data_status(
    scale: Annotated[str | None, typer.Option("--scale", "-s", help="Only the sources that this scale uses.")] = None,
) -> None:
    """Print which parts of each source are here, their size, whether the licence is accepted, and what to do next."""
    from tgvac.fetch.status import print_status
    from tgvac.params import load_params

    print_status(Path.cwd(), load_params(Path.cwd(), scale).sources.needed() if scale else None)


@data.command("fetch")
def data_fetch(
    sources: Annotated[list[str], typer.Argument(help="Sources of reference/registry.csv.")],
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Only this part of a source with several archives.")
    ] = None,
    accept_licences: Annotated[
        bool, typer.Option("--accept-licences", help="Accept the licences that are shown.")
    ] = False,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Archives fetched at a time.")] = None,
    scale: Annotated[
        str, typer.Option("--scale", "-s", help="The scale whose params of block fetch are used.")
    ] = "paper",
) -> None:
    """Fetch archives; interrupted downloads are resumed, and files that are here are verified."""
    from tgvac.fetch.obtain import obtain
    from tgvac.params import load_params

    params = load_params(Path.cwd(), scale).fetch
    if workers:
        params = params.model_copy(update={"workers": workers})
    ask = typer.confirm if sys.stdin.isatty() else None
    obtain(Path.cwd(), sources, tuple(only or ()), params, accept_licences, ask)


@data.command("check")
def data_check(
    folder: Annotated[Path, typer.Argument(help="A folder or archive with footage.")],
    layout: Annotated[
        str, typer.Option(help="davis, youtube_vos, lasot or videos; by default the first that fits.")
    ] = "",
    page: Annotated[
        Path | None, typer.Option(help="Where the page with pictures is written; by default in the current folder.")
    ] = None,
    scale: Annotated[
        str, typer.Option("--scale", "-s", help="The scale whose params of block sources count.")
    ] = "local",
) -> None:
    """Print what each file of a folder would be taken as, and write a page with a picture of each video's masks."""
    from tgvac.params import load_params
    from tgvac.sources.check_folder import as_table, check, write_page

    # Outside of the project's folder, nothing says how many faulty videos are too many.
    sources = load_params(Path.cwd(), scale).sources if Path("params.yaml").is_file() else None
    checked = check(folder.expanduser().absolute(), layout, sources)
    print(as_table(checked))
    if checked.taken:
        file = page or Path("check.html")
        write_page(checked, file)
        print(f"see the masks in {file}")
    if not checked.taken or checked.refused:
        raise typer.Exit(1)
