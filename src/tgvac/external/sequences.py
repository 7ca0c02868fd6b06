"""The files of one object's sequence in a data set: pictures by their numbers, one of each kind for each frame."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tgvac.clips.pictures import SUFFIXES
from tgvac.errors import BadInput

_DIGITS = 9
"""Digits that a frame's number may have, zeros in front of it among them."""


@dataclass(frozen=True)
class Sequence:
    """One object in one video. All parts have one file a frame, in the order of the frames.

    Attributes:
        name: where it is in the data set, for messages.
        frames: the input video.
        visible: what is seen of the object.
        amodal: masks of the whole object.
        whole: the whole object's colours; None if the data set does not have them.
        visible_id: the value of the object's pixels in ``visible``; None if these are masks of this object alone.
    """

    name: str
    frames: tuple[Path, ...]
    visible: tuple[Path, ...]
    amodal: tuple[Path, ...]
    whole: tuple[Path, ...] | None = None
    visible_id: int | None = None

    def files(self) -> tuple[Path, ...]:
        """All files."""
        return (*self.frames, *self.visible, *self.amodal, *(self.whole or ()))


def numbered(folder: Path, pattern: str = r".*?(\d+)") -> dict[int, Path]:
    """The pictures of a folder by their numbers; hidden files and other files are passed over.

    Args:
        pattern: what a name without its suffix must be; its group is the number.

    Raises:
        BadInput: when two pictures have one number, or a number is too long.
    """
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if (match := re.fullmatch(pattern, path.stem)) is None:
            continue
        if len(match[1]) > _DIGITS:
            raise BadInput(f"{path} has a number of {len(match[1])} digits; number pictures from 00000 on.")
        if (other := found.setdefault(int(match[1]), path)) != path:
            raise BadInput(f"{other} and {path.name} have the same number; keep one picture a frame.")
    return found


def matched(name: str, parts: Mapping[str, Mapping[int, Path]]) -> dict[str, tuple[Path, ...]]:
    """The files of each part in the order of the frames.

    Args:
        name: of the sequence, for messages.
        parts: files by number, by the name of their folder or kind; the first part has the frames.

    Raises:
        BadInput: when a part has not exactly one file for each frame, or the frames' numbers have a gap.
    """
    first, *others = parts
    frames = sorted(parts[first])
    if not frames:
        raise BadInput(f"{name} has no pictures in {first}; restore them as the data set has them.")
    whole = range(frames[0], frames[-1] + 1)
    if len(whole) > len(frames):
        gap = next(i for i, number in zip(whole, frames, strict=False) if i != number)
        raise BadInput(f"{name} has no picture of frame {gap} in {first}; restore it.")
    for part in others:
        if missing := sorted(set(frames) - set(parts[part])):
            have = len(frames) - len(missing)
            raise BadInput(
                f"{name} has {part} of {have} of {len(frames)} frames, and none of {_first(missing)}; restore them."
            )
        if more := sorted(set(parts[part]) - set(frames)):
            raise BadInput(f"{name} has {part} of {_first(more)}, but no such frame in {first}; restore it.")
    return {part: tuple(files[i] for i in frames) for part, files in parts.items()}


def _first(numbers: Iterable[int], most: int = 3) -> str:
    listed = list(numbers)
    shown = ", ".join(map(str, listed[:most]))
    return f"frame{'s' if len(listed) > 1 else ''} {shown}{', …' if len(listed) > most else ''}"
