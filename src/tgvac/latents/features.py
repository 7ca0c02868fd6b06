"""Latents of clips and pairs: their interface, and the memory-mapped cache.

:mod:`tgvac.latents.live_features` encodes them during training instead; both give the same bits on the same CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

import torch
from safetensors import safe_open

from tgvac.latents.encoding import drawn
from tgvac.shards import Entry, read_index
from tgvac.stage import Context

OPEN = 64
"""Files that are kept open. The system decides how much of them is in memory."""


class Features(Protocol):
    """Latents ``float32 [.,c,h,w]`` on the CPU, not scaled, of the items that the index of phase `latents` names."""

    @property
    def index(self) -> Mapping[str, Entry]:
        """The items; their facts are recipes and their frames, or the number of pairs."""
        ...

    @property
    def draws(self) -> int:
        """Draws of masks per sample."""
        ...

    @property
    def holes(self) -> int:
        """Draws of holes per frame."""
        ...

    def clip(self, item: str, sample: str, what: str, at: range, draw: int) -> torch.Tensor:
        """The latents of some frames of a clip, ``[len(at),c,h,w]``."""
        ...

    def pair(self, item: str, row: int, what: str, draw: int) -> torch.Tensor:
        """The latents of a pair in a bucket, ``[1,c,h,w]``."""
        ...

    def pair_name(self, item: str, row: int) -> str:
        """The id ``<source>/<id>`` of a pair in a bucket."""
        ...


class CachedFeatures:
    """The latents that the phase `latents` wrote.

    Args:
        draws: draws of masks that were cached per sample.
        holes: draws of holes that were cached per frame.
    """

    def __init__(self, ctx: Context, draws: int = 1, holes: int = 0) -> None:
        self.index: Mapping[str, Entry] = read_index(ctx.results / "latents" / "index.json")
        self.draws, self.holes = draws, holes
        self._ctx = ctx
        self._open = lru_cache(maxsize=OPEN)(self._opened)
        self._names = lru_cache(maxsize=OPEN)(self._names_of)

    def _opened(self, item: str) -> tuple[Any, frozenset[str]]:
        file: Any = safe_open(self._ctx.upstream("latents", self.index[item]), framework="pt")
        return file, frozenset(file.keys())

    def _slice(self, item: str, name: str, draw: int) -> Any:
        file, keys = self._open(item)
        own = drawn(name, draw)
        # If the window does not follow the masks, draws share frames and targets; each draw has its own masks.
        return file.get_slice(own if own in keys or name.endswith("mask") else name)

    def clip(self, item: str, sample: str, what: str, at: range, draw: int) -> torch.Tensor:
        """``at`` must be increasing."""
        latents: torch.Tensor = self._slice(item, f"{sample}|{what}", draw)[at.start : at[-1] + 1][:: at.step]
        return latents.clone()

    def pair(self, item: str, row: int, what: str, draw: int) -> torch.Tensor:
        latents: torch.Tensor = self._slice(item, what, draw)[row : row + 1]
        return latents.clone()

    def pair_name(self, item: str, row: int) -> str:
        return self._names(item)[row]

    def _names_of(self, item: str) -> list[str]:
        return str(self._open(item)[0].metadata()["pairs"]).split("\n")
