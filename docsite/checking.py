"""Whether links, commands and keys of params on pages are right. ``python -m docsite.checking`` prints what is not."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from docsite import ROOT
from docsite.commands import commands
from docsite.keys import keys
from docsite.links import anchors, links
from docsite.understood import read_clone
from tgvac.config import nearest
from tgvac.params import Params
from tgvac.scales import OPEN_TABLES

_KEY = re.compile(r"(?<![`\w])`([a-z_]+(?:\.[a-z_0-9]+)+)`(?!`)")


def page_files(folder: Path = ROOT) -> list[Path]:
    """The Markdown files that people read: those of docs/, and the README of each folder."""
    return [folder / "README.md", *sorted((folder / "docs").rglob("*.md")), *sorted(folder.glob("*/README.md"))]


def wrong_links(page: Path, folder: Path = ROOT) -> Iterator[str]:
    """A sentence for each relative link of a page that leads nowhere.

    Args:
        folder: the clone that the page is in.
    """
    for link in links(page.read_text(encoding="utf-8")):
        if link.outside:
            continue
        where = f"{page.relative_to(folder)}, line {link.line}"
        target = (page.parent / link.path).resolve() if link.path else page
        if not target.exists():
            yield f"{where}: there is no {link.path}; correct the link or add the file."
        elif link.anchor and target.suffix == ".md":
            known = anchors(target.read_text(encoding="utf-8"))
            if link.anchor not in known:
                hint = nearest(link.anchor, sorted(known))
                yield f"{where}: {target.relative_to(folder)} has no heading for #{link.anchor}; {hint}"


def wrong_commands(page: Path, folder: Path = ROOT) -> Iterator[str]:
    """A sentence for each command of a page that would not be understood.

    A scale whose file the page names in ``workflow/scales/``, and a method whose file is new there, are its reader's.
    """
    text, where = page.read_text(encoding="utf-8"), page.relative_to(folder)
    clone = read_clone(folder, text)
    try:
        for command in commands(text):
            if complaint := clone.complaint(command):
                yield f"{where}, line {command.line}: `{command}`: {complaint}"
    except ValueError as error:
        yield f"{where}, {error}."


def wrong_keys(page: Path, folder: Path = ROOT) -> Iterator[str]:
    """A sentence for each name in backticks that begins with a block of the params, but is no key of it."""
    known = {key.name for key in keys(Params)}
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        for name in _KEY.findall(line):
            block = name.partition(".")[0]
            if block in Params.model_fields and block not in OPEN_TABLES and name not in known and not _is_file(name):
                near = nearest(name, [each for each in known if each.startswith(f"{block}.")])
                yield f"{page.relative_to(folder)}, line {number}: there is no key `{name}`; {near}"


def _is_file(name: str) -> bool:
    return name.rpartition(".")[2] in ("csv", "html", "json", "jsonl", "md", "parquet", "py", "smk", "yaml", "zip")


CHECKS = (wrong_links, wrong_commands, wrong_keys)


def main() -> int:
    wrong = [said for page in page_files() for check in CHECKS for said in check(page)]
    print("\n".join(wrong) or "all links, commands and keys are right")
    return min(len(wrong), 1)


if __name__ == "__main__":
    sys.exit(main())
