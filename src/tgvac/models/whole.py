"""Folders of trained weights, compared with their index before they are used."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.shards import read_index

_RUN = re.compile(r"/results/([^/]+)/(?:(frame|motion)/([^/]+)/seed(\d+)|backbones)$")


def check_whole(folder: Path, *parts: str) -> None:
    """Refuse a folder of weights that is not as its index says.

    Args:
        parts: folders in it that are compared to the bit, all else by size; none: everything to the bit.

    Raises:
        BadInput: naming the first file that differs, with both digests or sizes.
    """
    index = folder / "index.json"
    for entry in read_index(index).values():
        path = folder / entry.file
        if not path.is_file():
            raise BadInput(f"{path} does not exist, and {index} names it; {_again(folder)}.")
        stat = path.stat()
        if stat.st_size != entry.bytes:
            raise BadInput(f"{path} has {stat.st_size} bytes, and {index} says {entry.bytes}; {_again(folder)}.")
        if parts and entry.file.partition("/")[0] not in parts:
            continue
        found = _digest(path, stat.st_ino, stat.st_size, stat.st_ctime_ns)
        if found != entry.sha256:
            raise BadInput(
                f"{path} has the digest {found[:12]}, and {index} says {entry.sha256[:12]}; {_again(folder)}."
            )


@cache
def _digest(path: Path, inode: int, size: int, changed_ns: int) -> str:
    """Of a file as it is now: a network of some gigabytes is read once a process, and again only after a change."""
    return sha256(path)


def _again(folder: Path) -> str:
    """How a folder is made again, as its place tells."""
    made = _RUN.search(folder.absolute().as_posix())
    if made is None:
        return "fetch it again, or make it again"
    scale, phase, variant, seed = made.groups()
    run = f"{phase} --scale {scale} --variant {variant} --seed {seed}" if phase else f"backbones --scale {scale}"
    return f"run `tgvac stage {run}` to make it again"
