"""Puts the pages of the site together: those of docs/, those made from the code, and the files that they link to."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path, PurePosixPath

from docsite import references
from docsite.layered import svg
from docsite.links import links
from docsite.navigation import Navigation, menu
from tgvac.errors import BadInput

_MERMAID = re.compile(r"^```mermaid\nflowchart TD\n(?P<edges>.*?)^```$", re.MULTILINE | re.DOTALL)
_ARROW = re.compile(r"^ *([\w-]+) --> ([\w-]+)$")
FILES = "files"
"""The folder of the site with files of the clone that pages link to."""


def stage(docs: Path, made: dict[str, str], navigation: Navigation, known: dict[str, str], out: Path) -> None:
    """Write the pages that Sphinx reads, and remove those of an earlier time.

    Args:
        docs: the folder of Markdown pages and of their pictures, in a clone.
        made: the text of pages that are made from the code, by name without suffix.
        navigation: the menu.
        known: names that become links (:func:`docsite.references.names`).
        out: the folder; files whose content stays are left alone, so that Sphinx reads only what has changed.

    Raises:
        BadInput: for a page that is in no menu, a menu's page that does not exist, or a link that leads nowhere.
    """
    written = {path.relative_to(docs).with_suffix("").as_posix(): path for path in sorted(docs.rglob("*.md"))}
    if both := sorted(written.keys() & made.keys()):
        raise BadInput(f"{docs}/{both[0]}.md would replace a page that is made from the code; rename it.")
    navigation.check({*written, *made})
    wanted: dict[str, bytes | Path] = {}
    for name, path in written.items():
        text, linked = _with_files(path.read_text(encoding="utf-8"), path, docs)
        wanted[f"{name}.md"] = (_drawn(references.linked(text, name, known)) + menu(navigation, name)).encode()
        wanted |= linked
    wanted |= {f"{name}.md": (text + menu(navigation, name)).encode() for name, text in made.items()}
    for path in docs.rglob("*"):
        if path.is_file() and path.suffix not in (".md", ".py", ".pyc"):
            wanted[path.relative_to(docs).as_posix()] = path
    _write(wanted, out)


def _with_files(text: str, page: Path, docs: Path) -> tuple[str, dict[str, bytes | Path]]:
    """A page whose links to files outside of docs/ lead to copies of them, and these copies."""
    linked: dict[str, bytes | Path] = {}
    clone = docs.parent
    for link in reversed(list(links(text))):
        if link.outside or not link.path:
            continue
        target = Path(os.path.normpath(page.parent / link.path))
        if not target.is_file() or not target.is_relative_to(clone):
            raise BadInput(
                f"{page.relative_to(clone)}, line {link.line}: no file {link.path} to link to; correct the link."
            )
        if target.is_relative_to(docs):
            continue
        copy = PurePosixPath(FILES, target.relative_to(clone).as_posix())
        # Markdown of other folders has links of its own, which lead out of the site; it is shown as a file.
        copy = copy.with_suffix(".txt") if copy.suffix == ".md" else copy
        linked[str(copy)] = target
        above = "../" * len(page.relative_to(docs).parent.parts)
        text = f"{text[: link.start]}{above}{copy}{text[link.end :]}"
    return text, linked


def _drawn(text: str) -> str:
    """A page whose flowcharts are pictures: Mermaid would be loaded from the network."""

    def picture(found: re.Match[str]) -> str:
        arrows = [_ARROW.match(line) for line in found["edges"].splitlines()]
        edges = [(arrow[1], arrow[2]) for arrow in arrows if arrow]
        if len(edges) != len(arrows):
            raise BadInput(
                f"a flowchart has more than arrows 'a --> b', which docsite/staging.py draws:\n{found['edges']}"
            )
        drawn = svg(edges, "Packages: an arrow leads to a package that is imported", lambda name: f"api/{name}.html")
        return f'<div class="wide">{drawn}</div>'

    return _MERMAID.sub(picture, text)


def _write(wanted: dict[str, bytes | Path], out: Path) -> None:
    for name, content in wanted.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.read_bytes() if isinstance(content, Path) else content
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)
    for path in sorted(out.rglob("*"), reverse=True):
        if path.is_file() and path.relative_to(out).as_posix() not in wanted:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            shutil.rmtree(path)
