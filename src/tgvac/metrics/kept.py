"""What is computed of the truth alone, kept on disk between the methods that are compared with it.

    <folder>/<generation>/<key>.safetensors

A key is the digest of the pictures themselves and of what computes on them, so an entry is never taken for another. A
generation has all that makes entries of no further use when it changes, such as the networks and the recipes; others
are removed. Several jobs may read and write at once: a file is replaced as a whole, and all write the same into it.
Nothing here decides a result; what is not kept, or cannot be read, is computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from tgvac.config import digest
from tgvac.files import writing

_ENDING = ".safetensors"
_LARGE = "large-"
"""How names of entries begin that count towards the limit."""


class Kept:
    """Entries of one generation.

    Args:
        folder: of all generations; it belongs to this class alone.
        generation: a name for what all entries depend on.
        limit: bytes of large entries; beyond them, large ones are computed each time. A job beside may exceed it by
            one entry.
    """

    def __init__(self, folder: Path, generation: str, limit: int) -> None:
        self._folder, self._limit, self._full = folder / generation, limit, False
        for other in sorted(folder.glob("*")):
            if other != self._folder:
                shutil.rmtree(other, ignore_errors=True)

    @property
    def takes_large(self) -> bool:
        """Whether any large entry may be kept."""
        return self._limit > 0

    def of(
        self,
        what: Sequence[object],
        pictures_FHW3: np.ndarray,
        compute: Callable[[], list[torch.Tensor]],
        device: torch.device,
        large: bool = False,
    ) -> list[torch.Tensor]:
        """The features of pictures, from disk or computed and then kept.

        Args:
            what: further values that decide the features' bits, such as the batch.
            compute: the features; on any device.
            device: where the result is wanted.
            large: whether they count towards the limit.
        """
        if large and not self.takes_large:
            return compute()
        key = digest([list(what), list(pictures_FHW3.shape), _digest(pictures_FHW3)])
        path = self._folder / f"{_LARGE if large else ''}{key}{_ENDING}"
        found = _read(path, device)
        if found is None:
            found = compute()
            self._keep(path, found, large)
        return found

    def _keep(self, path: Path, features: list[torch.Tensor], large: bool) -> None:
        from safetensors.torch import save

        size = sum(each.numel() * each.element_size() for each in features)
        if self._full or (large and self._used() + size > self._limit):
            return
        data = save({str(k): each.contiguous().cpu() for k, each in enumerate(features)})
        try:
            with writing(path) as part:
                part.write_bytes(data)
        except OSError as error:
            # A full disk costs time, and no score.
            self._full = True
            print(f"features of the truth are not kept from here on: {error}", file=sys.stderr, flush=True)

    def _used(self) -> int:
        """The bytes of all large entries, those of other jobs included."""
        total = 0
        for path in self._folder.glob(f"{_LARGE}*{_ENDING}"):
            # A job of another generation may have removed it in the meantime.
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
        return total


def _digest(pictures_FHW3: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(pictures_FHW3).data).hexdigest()


def _read(path: Path, device: torch.device) -> list[torch.Tensor] | None:
    """The tensors of a file in order; None when there is none, or it is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        # Mapped into memory, so that pages are read as they are used.
        tensors = load_file(path)
        return [tensors[str(k)].to(device) for k in range(len(tensors))]
    except (OSError, SafetensorError, KeyError):
        return None
