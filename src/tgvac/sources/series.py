"""Which pictures of a folder are the frames of one video: a series of names that differ in their last number.

``shot_2024_0001.jpg``, ``shot_2024_0002.jpg``, … is a series, and so is ``1.png``, ``2.png``, …, in the order of the
numbers. A folder must have one: a second series, such as masks beside the frames, could silently become footage.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath

from tgvac.clips.pictures import SUFFIXES
from tgvac.errors import BadInput

_LAST_NUMBER = re.compile(r"(.*?)(\d+)(\D*)", re.DOTALL)


@dataclass(frozen=True)
class Series:
    """The pictures of a folder.

    Attributes:
        frames: names of the frames, in order.
        unused: other names, with the reason.
        said: sentences for people.
    """

    frames: tuple[str, ...]
    unused: dict[str, str] = field(default_factory=dict)
    said: tuple[str, ...] = ()


def is_picture(name: str) -> bool:
    """Whether a name has a suffix of pictures, in upper or lower case."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def find_series(names: Iterable[str], folder: str) -> Series | None:
    """The series of frames among the names of a folder's files; None if there is none.

    Args:
        folder: used in messages.

    Raises:
        BadInput: when there are two, or the one has a number twice or a gap.
    """
    found: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    unused: dict[str, str] = {}
    for name in sorted(names):
        match = _LAST_NUMBER.fullmatch(PurePosixPath(name).stem)
        if not is_picture(name):
            unused[name] = "not a picture"
        elif match is None:
            unused[name] = "a picture without a number"
        else:
            found[match[1].casefold(), match[3].casefold()].append((int(match[2]), name))
    series = sorted((sorted(group) for group in found.values() if len(group) > 1), key=lambda g: (-len(g), g))
    for group in found.values():
        if len(group) == 1:
            unused[group[0][1]] = "a single picture, of no series"
    if not series:
        return None
    if len(series) > 1:
        first, second = (f"{group[0][1]} … {group[-1][1]} ({len(group)})" for group in series[:2])
        raise BadInput(f"{folder} has two series of pictures, {first} and {second}; keep only the frames in it.")
    numbers = [number for number, _ in series[0]]
    if twice := [n for n, count in Counter(numbers).items() if count > 1]:
        both = [name for number, name in series[0] if number == twice[0]]
        raise BadInput(f"{folder} has two pictures of frame {twice[0]}, {both[0]} and {both[1]}; remove one of them.")
    said = check_gaps(numbers, folder)
    return Series(tuple(name for _, name in series[0]), unused, said)


def check_gaps(numbers: list[int], folder: str) -> tuple[str, ...]:
    """Refuse numbers of frames that do not rise evenly; a step above 1 is said.

    Args:
        folder: used in messages.
    """
    if len(numbers) < 2:
        return ()
    steps = [after - before for before, after in pairwise(numbers)]
    step = min(steps)
    for i, found in enumerate(steps):
        if found != step:
            raise BadInput(
                f"{folder} has no frame between {numbers[i]} and {numbers[i + 1]}, though others are {step} apart;"
                " restore what is missing, or put the stretches into folders of their own."
            )
    return (f"the numbers of its frames are {step} apart",) if step > 1 else ()
