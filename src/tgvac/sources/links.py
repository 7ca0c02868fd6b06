"""Symbolic links inside a given folder of footage.

Links to files are read. Links to folders are not followed, because they may form a cycle. These functions report such
links, so that no video behind one is silently missing.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from tgvac.errors import BadInput

_PICTURES = (".jpg", ".jpeg", ".png")
_FRAMES = "img"
"""The folder of frames in a LaSOT sequence."""


def unfollowed(path: Path, top: bool = True) -> Iterator[Path]:
    """Links below a folder that point to folders or to nothing, sorted. No file is opened.

    Args:
        top: whether this is the source's own folder. A part of the source may be a link directly inside it, so the
            target of such a link is searched as well.
    """
    if not path.is_dir():
        return
    with os.scandir(path) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        linked = entry.is_symlink()
        # Not the entry's own methods, which fail for a link to itself.
        path = Path(entry.path)
        if linked and not path.is_file():
            yield path
        if path.is_dir() and (top or not linked):
            yield from unfollowed(Path(entry.path), top=False)


def linked_videos(path: Path, names: Collection[str]) -> dict[str, str]:
    """Videos behind links that are not followed, with a sentence about each.

    Args:
        path: the folder or archive of a source.
        names: the videos that its adapter lists.

    Returns:
        The sentences by name of the video. For a video that the adapter lists, the link may be why files are missing.
    """
    found: dict[str, str] = {}
    for link in unfollowed(path):
        inside = link.relative_to(path)
        name = next((part for part in reversed(inside.parts) if part in names), "")
        if name or _has_images(link):
            found.setdefault(name or link.name, f"{inside.as_posix()} {_fault(link)}.")
    return found


def with_link(error: BadInput, path: Path) -> BadInput:
    """The error that a source has another layout, extended by the first link that may be the cause."""
    link = next(unfollowed(path), None)
    return error if link is None else BadInput(f"{str(error).rstrip('.')}; note that {link} {_fault(link)}.")


def _fault(link: Path) -> str:
    if link.is_dir():
        return "is a link to a folder, and such links are not followed: put the folder itself there"
    return "is a broken link: put the file itself there"


def _has_images(link: Path) -> bool:
    """Whether the folder behind a link looks like a video, judged by the names in it."""
    if not link.is_dir():
        return False
    names = os.listdir(link)  # noqa: PTH208 - only names are needed, of folders with thousands of files
    return _FRAMES in names or any(name.lower().endswith(_PICTURES) for name in names)
