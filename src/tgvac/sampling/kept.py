"""The latents of a whole video: in memory, or in files of a folder, so that a stopped run goes on from them.

A file is mapped into memory: the system keeps in memory what is in use, so that a video of any length fits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tgvac.errors import BadInput
from tgvac.files import write_json

_RECORD = "done.json"


@dataclass(frozen=True)
class Kept:
    """Arrays by name, and how much of each is done.

    The folder has a record of what is done and of the arrays that it is done in. If one of them is missing, cut or of
    another shape, nothing of the folder is taken up.

    Attributes:
        folder: for one video and one setting alone; None for memory.
        heard: told of each name and how much of it is done.
    """

    folder: Path | None = None
    heard: Callable[[str, int], None] = lambda name, count: None
    _arrays: dict[str, np.ndarray] = field(default_factory=dict)
    _done: dict[str, int] = field(default_factory=dict)
    _recorded: dict[str, list[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.folder is None or not (self.folder / _RECORD).is_file():
            return
        found = json.loads((self.folder / _RECORD).read_text(encoding="utf-8"))
        if all(_is_whole(self.folder / f"{name}.npy", *said) for name, said in found["arrays"].items()):
            self._done.update(found["done"])
            self._recorded.update(found["arrays"])
        else:
            (self.folder / _RECORD).unlink()

    def array(self, name: str, shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
        """The array of a name: as it was left, or zeros.

        Raises:
            BadInput: when the disk has no room for it.
            ValueError: when it was left with another shape or dtype; a folder is for one video and one setting.
        """
        if name not in self._arrays:
            self._arrays[name] = np.zeros(shape, dtype) if self.folder is None else self._mapped(name, shape, dtype)
        return self._arrays[name]

    def tensor(self, name: str, shape: tuple[int, ...]) -> torch.Tensor:
        """The same array as a tensor ``float32``; both share their memory."""
        return torch.from_numpy(self.array(name, shape))

    def done(self, name: str) -> int:
        """How many frames, or steps, of a name are done."""
        return self._done.get(name, 0)

    def finish(self, name: str, count: int) -> None:
        """Record that ``count`` frames, or steps, of a name are done; what they wrote is on disk before."""
        self._done[name] = count
        if self.folder is not None:
            for array in self._arrays.values():
                assert isinstance(array, np.memmap)
                array.flush()
            self._record()
        self.heard(name, count)

    def forget(self, *but: str) -> None:
        """Drop all arrays but these, also those of an earlier run; what is done stays recorded."""
        for name in [name for name in self._arrays if name not in but]:
            del self._arrays[name]
        if self.folder is not None:
            for name in [name for name in self._recorded if name not in but]:
                del self._recorded[name]
            self._record()
            for path in self.folder.glob("*.npy"):
                if path.stem not in but:
                    path.unlink()

    def _record(self) -> None:
        assert self.folder is not None
        write_json(self.folder / _RECORD, {"done": self._done, "arrays": self._recorded})

    def _mapped(self, name: str, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        assert self.folder is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        path, said = self.folder / f"{name}.npy", [list(shape), np.dtype(dtype).str]
        if self._recorded.get(name, said) != said:
            raise ValueError(f"{path} was left as {self._recorded[name]}, and {said} is asked for; give another folder")
        if name in self._recorded:
            return np.lib.format.open_memmap(path, mode="r+")
        found: np.ndarray = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
        _reserve(path)
        self._recorded[name] = said
        return found


def _is_whole(path: Path, shape: list[int], dtype: str) -> bool:
    """Whether a file has an array of this shape and dtype, and all of it."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return False
    return list(found.shape) == shape and found.dtype.str == dtype


def _reserve(path: Path) -> None:
    """Give a file all of its disk space: writing to a mapped file without it would end the process by a signal.

    Raises:
        BadInput: when there is not so much.
    """
    size = path.stat().st_size
    try:
        with path.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, size)
    except OSError as error:
        path.unlink()
        raise BadInput(
            f"{path.parent} has no room for {size / 2**20:.0f} MiB ({error.strerror}); free some space, or write to"
            " another disk."
        ) from None
