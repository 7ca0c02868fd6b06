"""Links inside a given folder of footage. Links to files are read. Links to folders are not followed, since they may
lead round in circles; a video behind one would be missing without a word.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from tgvac.errors import BadInput

_PICTURES = (".jpg", ".jpeg", ".png")
_FRAMES = "img"
"""The folder of frames in a sequence of LaSOT."""


def unfollowed(path: Path, top: bool = True) -> Iterator[Path]:
    """Links below a folder that lead to folders or nowhere, sorted; no file is opened.

    Args:
        top: whether this is the source's own folder. Parts of a source may be links that lie in it, so what such a
            link leads to is looked through as well.
    """
    if not path.is_dir():
        return
    with os.scandir(path) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        linked = entry.is_symlink()
        if linked and not entry.is_file():
            yield Path(entry.path)
        if entry.is_dir() and (top or not linked):
            yield from unfollowed(Path(entry.path), top=False)


def linked_videos(path: Path, names: Collection[str]) -> dict[str, str]:
    """Videos behind links that are not followed, and a sentence on each.

    Args:
        path: the folder or archive of a source.
        names: the videos that its adapter knows.

    Returns:
        by name; of a video that the adapter knows, this explains what it may lack.
    """
    found: dict[str, str] = {}
    for link in unfollowed(path):
        inside = link.relative_to(path)
        name = next((part for part in reversed(inside.parts) if part in names), "")
        if name or _shows_pictures(link):
            found.setdefault(name or link.name, f"{inside.as_posix()} {_fault(link)}.")
    return found


def explained(error: BadInput, path: Path) -> BadInput:
    """The error that a source is of another layout, with the first link that may be why."""
    link = next(unfollowed(path), None)
    return error if link is None else BadInput(f"{str(error).rstrip('.')}; here {link} {_fault(link)}.")


def _fault(link: Path) -> str:
    if link.is_dir():
        return "is a link to a folder, which is not followed: put the folder itself there"
    return "is a link that leads nowhere: put the file itself there"


def _shows_pictures(link: Path) -> bool:
    """Whether the folder behind a link is a video's, by the names in it."""
    if not link.is_dir():
        return False
    names = os.listdir(link)  # noqa: PTH208 - names alone, of folders with thousands of files
    return _FRAMES in names or any(name.lower().endswith(_PICTURES) for name in names)
