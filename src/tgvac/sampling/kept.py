"""The latents of a whole video: in memory, or in files of a folder, so that a stopped run goes on from them.

A file is mapped into memory: the system keeps in memory what is in use, so that a video of any length fits.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from tgvac.files import write_json

_RECORD = "done.json"


@dataclass(frozen=True)
class Kept:
    """Arrays by name, and how much of each is done.

    Attributes:
        folder: for one video and one setting alone; None for memory.
        heard: told of each name and how much of it is done.
    """

    folder: Path | None = None
    heard: Callable[[str, int], None] = lambda name, count: None
    _arrays: dict[str, np.ndarray] = field(default_factory=dict)
    _done: dict[str, int] = field(default_factory=dict)

    def array(self, name: str, shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
        """The array of a name: as it was left, or zeros."""
        if name not in self._arrays:
            self._arrays[name] = np.zeros(shape, dtype) if self.folder is None else self._mapped(name, shape, dtype)
        return self._arrays[name]

    def tensor(self, name: str, shape: tuple[int, ...]) -> torch.Tensor:
        """The same array as a tensor ``float32``; both share their memory."""
        return torch.from_numpy(self.array(name, shape))

    def done(self, name: str) -> int:
        """How many frames, or steps, of a name are done."""
        if self.folder is not None and not self._done:
            record = self.folder / _RECORD
            self._done.update(json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {})
        return self._done.get(name, 0)

    def finish(self, name: str, count: int) -> None:
        """Record that ``count`` frames, or steps, of a name are done; what they wrote is on disk before."""
        self.done(name)
        self._done[name] = count
        if self.folder is not None:
            for array in self._arrays.values():
                assert isinstance(array, np.memmap)
                array.flush()
            write_json(self.folder / _RECORD, self._done)
        self.heard(name, count)

    def forget(self, *but: str) -> None:
        """Drop all arrays but these; what is done stays recorded."""
        for name in [name for name in self._arrays if name not in but]:
            del self._arrays[name]
            if self.folder is not None:
                (self.folder / f"{name}.npy").unlink(missing_ok=True)

    def _mapped(self, name: str, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        assert self.folder is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.npy"
        mode = "r+" if path.is_file() and path.stat().st_size > 0 else "w+"
        found: np.ndarray = np.lib.format.open_memmap(path, mode=mode, dtype=dtype, shape=shape)
        return found
