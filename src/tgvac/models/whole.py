"""Checks that weights are as they were written, and their digest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.shards import read_index

if TYPE_CHECKING:
    import torch

_RUN = re.compile(r"/results/([^/]+)/(?:(frame|motion)/([^/]+)/seed(\d+)|backbones)$")


def check_whole(folder: Path, *parts: str) -> None:
    """Refuse a folder of weights that is not as its index says.

    Args:
        parts: subfolders that are compared by digest, all else by size; none given: everything by digest.

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
    """The digest of a file in its present state. Large files are read once per process, and again after a change."""
    return sha256(path)


def _again(folder: Path) -> str:
    """The command that makes a folder again, from its path."""
    made = _RUN.search(folder.absolute().as_posix())
    if made is None:
        return "fetch it again, or make it again"
    scale, phase, variant, seed = made.groups()
    run = f"{phase} --scale {scale} --variant {variant} --seed {seed}" if phase else f"backbones --scale {scale}"
    return f"run `tgvac stage {run}` to make it again"


def weights_digest(weights: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 hex over the sorted names and the ``float32`` values of weights on the CPU."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].contiguous().numpy().data)
    return digest.hexdigest()
