"""The worked examples of docs/extend.md, applied to a copy of the project."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.conftest import CLONE

PAGE = CLONE / "docs" / "extend.md"
_PIECE = re.compile(
    r"^(?P<kind>New file|In) `(?P<path>[^`]+)`:\n\n```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
_COPIED = ("src", "workflow", "reference", "params.yaml", "Snakefile", "dvc.yaml", "pyproject.toml")


def sections(page: str) -> dict[str, str]:
    """The text of each section of a page, by its heading."""
    parts = re.split(r"^## (.+)$", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def project_with(folder: Path, *headings: str) -> Path:
    """A copy of the project with what these sections of the page add and change."""
    folder.mkdir()
    for name in _COPIED:
        source = CLONE / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, folder / name)
    for name in ("slurm", "standins"):
        (folder / name).symlink_to(CLONE / name)
    page = sections(PAGE.read_text(encoding="utf-8"))
    for heading in headings:
        apply(page[heading], folder)
    return folder


def apply(section: str, folder: Path) -> None:
    """Write the new files of a section, and make its changes."""
    pieces = list(_PIECE.finditer(section))
    assert pieces, "the section has no files and no changes"
    for piece in pieces:
        path = folder / piece["path"]
        if piece["kind"] == "New file":
            assert not path.exists(), f"{piece['path']} is no new file"
            path.write_text(piece["code"], encoding="utf-8")
        else:
            assert piece["language"] == "diff"
            path.write_text(changed(path.read_text(encoding="utf-8"), piece["code"]), encoding="utf-8")


def changed(text: str, diff: str) -> str:
    """A text after a change whose lines begin with " ", "-" and "+"; the place must be there exactly once."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(before) == 1, f"the place is there {text.count(before)} times:\n{before}"
    return text.replace(before, after)
