"""``tgvac study``: asks people which method they prefer, as the paper did (docs/user-study.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tgvac.errors import BadInput

study = typer.Typer(help="Ask people which method they prefer (docs/user-study.md).", no_args_is_help=True)

Folder = Annotated[Path, typer.Option("--study", help="The folder that `tgvac study build` made.")]


@study.command("build")
def study_build(
    scale: Annotated[str, typer.Option("--scale", "-s", help="A scale of workflow/scales/ that has completions.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A folder; by default study/<scale>.")] = None,
    method: Annotated[
        list[str] | None, typer.Option(help="Three or more methods; by default the paper's. Repeatable.")
    ] = None,
    participants: Annotated[int, typer.Option(min=1, max=10_000, help="Codes that are drawn.")] = 20,
    per_class: Annotated[
        int | None, typer.Option(min=1, help="Easy and hard videos, each; by default study.per_class, 10.")
    ] = None,
    seed: Annotated[str, typer.Option(help="A name; another one draws other videos.")] = "study",
    truth: Annotated[
        bool | None, typer.Option("--truth/--no-truth", help="Show the truth; by default as study.truth says.")
    ] = None,
    outline: Annotated[
        bool | None,
        typer.Option("--outline/--no-outline", help="Mark the object in the input; by default as study.outline says."),
    ] = None,
    checks: Annotated[
        int | None, typer.Option(min=0, max=5, help="Attention checks; by default study.checks, none.")
    ] = None,
    contact: Annotated[str, typer.Option(help="Whom participants may ask, such as a name and an address.")] = "",
) -> None:
    """Choose videos, write them under blinded names, and draw the participants' codes."""
    from tgvac.study.build import Wishes, build
    from tgvac.study.page import minutes

    out = out or Path("study") / scale
    wishes = Wishes(tuple(method or ()), participants, seed, "people", contact)
    given = {"per_class": per_class, "truth": truth, "outline": outline, "checks": checks}
    made = build(Path.cwd(), scale, out, wishes, {key: value for key, value in given.items() if value is not None})
    print(f"{len(made.plan.items)} videos are in {out}, and the participants' codes in {out / 'codes.csv'}")
    print(f"the first page tells participants that it takes about {minutes(made.plan)} minutes")
    print(f"now `tgvac study serve --study {out}`, or `tgvac study static --study {out} --out FOLDER`")


@study.command("serve")
def study_serve(
    folder: Folder,
    host: Annotated[
        str, typer.Option(help="The address to listen on; others than this machine's own need a token.")
    ] = ("127.0.0.1"),
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="A free port; 0 takes any.")] = 8080,
) -> None:
    """Let participants vote in a browser; what was accepted survives any end of the server."""
    from tgvac.study.serve import serve

    serve(folder, host, port)


@study.command("static")
def study_static(
    folder: Folder,
    out: Annotated[Path, typer.Option("--out", "-o", help="A folder that is new, empty, or an earlier one.")],
) -> None:
    """Write the study as a folder that opens without a server; participants save their answers as a file."""
    from tgvac.study.plan import open_study
    from tgvac.study.static import write_static

    count = write_static(open_study(folder), out)
    print(f"open {out / 'index.html'} in a browser; it is for the {count} participants with codes")
    print(f"then `tgvac study collect --study {folder} FILES`")


@study.command("collect")
def study_collect(
    folder: Folder,
    files: Annotated[list[Path], typer.Argument(help="Files that participants saved, or folders of them.")],
) -> None:
    """Take the files that participants of the static study saved; again is harmless."""
    from tgvac.study.plan import open_study
    from tgvac.study.static import answer_files, collect

    found = collect(open_study(folder), answer_files(files))
    for sentence in found.refused:
        print(f"refused: {sentence}")
    print(f"{found.new} new votes; {found.known} were there already")
    if found.refused:
        raise typer.Exit(1)


@study.command("codes")
def study_codes(
    folder: Folder,
    add: Annotated[int, typer.Option(min=0, max=10_000, help="How many more are drawn.")] = 0,
) -> None:
    """Print who has voted how far, and draw more codes."""
    from tgvac.study.plan import CODES, open_study
    from tgvac.study.store import Store, write_codes

    opened = open_study(folder)
    with Store(opened) as store:
        if add:
            write_codes(opened, store.add(add))
        for each in store.participants():
            print(f"{each.number:>4}  {each.code}  {len(store.voted(each.number))} of {len(opened.plan.items)}")
        print(f"{store.count()} votes; {store.deleted()} participants deleted; the codes are in {folder / CODES}")


@study.command("participant")
def study_participant(
    folder: Folder,
    code: Annotated[str, typer.Argument(help="The participant's code.")],
    export: Annotated[Path | None, typer.Option(help="Write all that is kept of the participant to this file.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete all of it.")] = False,
) -> None:
    """Export or delete the data of one participant."""
    from tgvac.study.privacy import delete_one, export_one

    if export is None and not delete:
        raise BadInput("Say what to do with the participant's data: --export FILE, or --delete, or both.")
    if export is not None:
        print(f"all that is kept of {code} is in {export_one(folder, code, export)}")
    if delete:
        print(delete_one(Path.cwd(), folder, code))


@study.command("report")
def study_report(
    folder: Folder,
    publish: Annotated[
        bool, typer.Option("--publish/--no-publish", help="Write reference/votes/<scale>.csv; not for a pilot.")
    ] = True,
) -> None:
    """Count the votes: tables, a picture, and the file from which Table 2 gets its column of user preference."""
    from tgvac.study.report import report

    made = report(Path.cwd(), folder, publish)
    print("\n".join(made.lines))
    if made.folder is not None:
        print(f"look at {made.folder / 'tables'} and {made.folder / 'shares.png'}")
