"""The videos of a plain folder, and what became of every other file in it.

A video is a file with a suffix of videos, or a folder with a series of pictures. Beside it lie its description
(``.json``) and its mask, under its name. Whatever else is there is listed as unused, with the reason: it ends nothing.
"""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from tgvac.clips.mask_values import read_ids
from tgvac.errors import BadInput
from tgvac.sources.account import Row
from tgvac.sources.safe_names import safe_names
from tgvac.sources.series import Series, find_series, is_picture

SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mts", ".m2ts", ".ts", ".mpg", ".mpeg"),
    *(".wmv", ".flv", ".3gp", ".ogv", ".mxf", ".vob", ".gif"),
)
"""Suffixes of videos, in lower case; PyAV reads them all."""

_MASK_WORDS = ("", "_mask", "-mask", ".mask")
"""What may follow a video's name in the name of its mask."""
_SYSTEM = {"__macosx", "$recycle.bin", "system volume information", "@eadir", "lost+found", "thumbs.db", "desktop.ini"}
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")


@dataclass(frozen=True)
class Listed:
    """One video of the folder.

    Attributes:
        name: as people wrote it: the file's name without suffix, or the folder's.
        path: of the video file, or of the folder of frames.
        series: the frames, of a folder.
        description, mask: files beside it, if there are any.
        fault: why it cannot be used; "" for nothing.
    """

    name: str
    path: Path
    series: Series | None = None
    description: Path | None = None
    mask: Path | None = None
    fault: str = ""

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the video."""
        own = [self.path / name for name in self.series.frames] if self.series else [self.path]
        return (*own, *(path for path in (self.description, self.mask) if path is not None))


@dataclass
class VideoFiles:
    """The content of a folder.

    Attributes:
        videos: by safe name.
        unused: the other files, with the reason, relative to the folder.
    """

    videos: dict[str, Listed] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)

    def rows(self, rejected: dict[str, str], said: dict[str, str], root: Path) -> list[Row]:
        """The account of all files.

        Args:
            rejected: why videos are left out, by safe name.
            said: how the others were read, by safe name.
            root: the folder.
        """
        rows = [Row("unused", "", (name,), why) for name, why in sorted(self.unused.items())]
        for name, listed in sorted(self.videos.items()):
            files = tuple(sorted(path.relative_to(root).as_posix() for path in listed.files))
            if name in rejected:
                rows.append(Row("rejected", name, files, rejected[name]))
            else:
                rows.append(Row("taken", name, files, said.get(name, "")))
        return rows


def list_videos(root: Path) -> VideoFiles:
    """List a folder. No video is opened."""
    found = VideoFiles()
    candidates: dict[str, list[Listed]] = defaultdict(list)
    others: list[Path] = []
    for path in sorted(root.iterdir()):
        if why := _ignored(path):
            _leave(found, root, path, why)
        elif path.is_dir():
            listed = _folder(found, root, path)
            if listed is not None:
                candidates[path.name].append(listed)
        elif path.suffix.lower() in SUFFIXES:
            candidates[path.stem].append(Listed(path.stem, path))
        else:
            others.append(path)
    descriptions, masks = _beside(found, root, list(candidates), others)
    listed_all: dict[str, Listed] = {}
    for name, (chosen, *more) in candidates.items():
        fault = chosen.fault
        if more:
            fault = f"{chosen.path} and {more[0].path} are two videos with the same name; rename one of them."
            for other in more:
                found.unused |= {_relative(root, path): f"a second video named {name}" for path in other.files}
        listed_all[name] = Listed(name, chosen.path, chosen.series, descriptions.get(name), masks.get(name), fault)
    safe = safe_names(listed_all)
    for name, listed in listed_all.items():
        if safe[name] in found.videos:
            # Composed and decomposed forms of one name.
            first = found.videos[safe[name]]
            fault = f"{first.path} and {listed.path} are two videos with the same name; rename one of them."
            found.videos[safe[name]] = replace(first, fault=fault)
            found.unused |= {_relative(root, path): f"a second video named {name}" for path in listed.files}
            continue
        found.videos[safe[name]] = listed
    return found


def _folded(name: str) -> str:
    """A name without case, and with composed letters: file systems exchange the forms."""
    return unicodedata.normalize("NFC", name).casefold()


def _relative(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _ignored(path: Path) -> str:
    """Why a file or folder is no footage at all; "" if it may be."""
    if path.name.casefold() in _SYSTEM:
        return "made by an operating system"
    if path.name.startswith("."):
        return "hidden"
    if path.is_symlink() and not path.exists():
        return "a link that leads nowhere"
    if not (path.is_dir() or path.is_file()):
        return "neither a file nor a folder"
    return "" if os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)) else "cannot be read: no permission"


def _leave(found: VideoFiles, root: Path, path: Path, why: str) -> None:
    """List a file as unused, or all files of a folder; of a folder that cannot be read, the folder itself."""

    def unseen(error: OSError) -> None:
        found.unused[_relative(root, Path(error.filename))] = "cannot be read: no permission"

    if path.is_dir() and not path.is_symlink():
        for folder, _, files in os.walk(path, onerror=unseen):
            found.unused |= {_relative(root, Path(folder) / file): why for file in files}
    else:
        found.unused[_relative(root, path)] = why


def _folder(found: VideoFiles, root: Path, path: Path) -> Listed | None:
    """A folder as a video, if it has a series of pictures."""
    names = []
    for entry in sorted(path.iterdir()):
        if why := _ignored(entry):
            _leave(found, root, entry, why)
        elif entry.is_dir():
            _leave(found, root, entry, "in a folder below that of a video; only its own files are read")
        else:
            names.append(entry.name)
    if films := [name for name in names if Path(name).suffix.lower() in SUFFIXES]:
        for name in names:
            found.unused[_relative(root, path / name)] = (
                f"in a folder with videos ({films[0]}); give that folder itself"
            )
        return None
    try:
        series = find_series(names, str(path))
    except BadInput as error:
        return Listed(path.name, path, Series(tuple(names)), fault=str(error))
    if series is None:
        for name in names:
            found.unused[_relative(root, path / name)] = "in a folder without a series of pictures"
        return None
    found.unused |= {_relative(root, path / name): why for name, why in series.unused.items()}
    return Listed(path.name, path, series)


def _beside(
    found: VideoFiles, root: Path, names: list[str], others: list[Path]
) -> tuple[dict[str, Path], dict[str, Path]]:
    """The descriptions and masks of videos, by name; what belongs to none is unused."""
    descriptions: dict[str, Path] = {}
    masks: dict[str, list[Path]] = defaultdict(list)
    folded: dict[str, list[str]] = defaultdict(list)
    known = set(names)
    for name in names:
        folded[_folded(name)].append(name)

    def owner(stem: str) -> str | None:
        if stem in known:
            return stem
        same = folded.get(_folded(stem), [])
        return same[0] if len(same) == 1 else None

    for path in others:
        relative = _relative(root, path)
        described = owner(path.stem) if path.suffix.lower() == ".json" else None
        masked = _masked(path.stem, owner) if is_picture(path.name) else None
        if described is not None and described in descriptions:
            found.unused[relative] = f"a second description of {described}"
        elif described is not None:
            descriptions[described] = path
        elif masked is not None:
            masks[masked].append(path)
        else:
            found.unused[relative] = _no_use(path)
    chosen = {name: _mask(found, root, name, paths) for name, paths in masks.items()}
    return descriptions, {name: mask for name, mask in chosen.items() if mask is not None}


def _masked(stem: str, owner: Callable[[str], str | None]) -> str | None:

    for word in _MASK_WORDS:
        if stem.casefold().endswith(word) and (name := owner(stem[: len(stem) - len(word)])):
            return name
    return None


def _mask(found: VideoFiles, root: Path, name: str, paths: list[Path]) -> Path | None:
    """The mask among the pictures that have a video's name: the PNG of that name first.

    A JPEG may be a cover picture, so it is a mask only if it can be read as one.
    """
    ordered = sorted(paths, key=lambda p: (p.suffix.lower() != ".png", p.stem != name, p.name))
    chosen: Path | None = None
    for path in ordered:
        if chosen is not None:
            found.unused[_relative(root, path)] = f"{chosen.name} is the mask"
            continue
        if path.suffix.lower() != ".png":
            try:
                read_ids(path.read_bytes(), path.name)
            except BadInput as error:
                found.unused[_relative(root, path)] = f"a picture beside {name}, and no mask: {error}"
                continue
        chosen = path
    return chosen


def _no_use(path: Path) -> str:
    if path.suffix.lower() in _ARCHIVES:
        return "an archive; unpack it to use what is in it"
    if path.suffix.lower() == ".json":
        return "a description of no video; a description has the name of its video"
    if is_picture(path.name):
        return "a picture beside no video of its name; frames belong into a folder of their own"
    return "not a video"
