"""Latents of clips and pairs, wherever they come from: read from the cache, memory-mapped, or made while training.

How the cache is turned off is told in :mod:`tgvac.latents.live_features`; both give the same bits on one CPU.
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
"""Files that are kept open; what of them is in memory is the system's business."""


class Features(Protocol):
    """Latents ``float32 [.,c,h,w]`` on the CPU, not scaled, of the items that the index of phase `latents` names."""

    @property
    def index(self) -> Mapping[str, Entry]:
        """The items, with facts: recipes and their frames, or how many pairs."""
        ...

    @property
    def draws(self) -> int:
        """Draws of masks that each sample has."""
        ...

    def clip(self, item: str, sample: str, what: str, at: range, draw: int) -> torch.Tensor:
        """Of some frames of a clip."""
        ...

    def pair(self, item: str, row: int, what: str, draw: int) -> torch.Tensor:
        """Of the one frame of a bucket's pair."""
        ...

    def pair_name(self, item: str, row: int) -> str:
        """The id ``<source>/<id>`` of a bucket's pair."""
        ...


class CachedFeatures:
    """What the phase `latents` wrote.

    Args:
        draws: how many draws of masks were cached for each sample.
    """

    def __init__(self, ctx: Context, draws: int = 1) -> None:
        self.index: Mapping[str, Entry] = read_index(ctx.results / "latents" / "index.json")
        self.draws = draws
        self._ctx = ctx
        self._open = lru_cache(maxsize=OPEN)(self._opened)
        self._names = lru_cache(maxsize=OPEN)(self._names_of)

    def _opened(self, item: str) -> tuple[Any, frozenset[str]]:
        file: Any = safe_open(self._ctx.upstream("latents", self.index[item]), framework="pt")
        return file, frozenset(file.keys())

    def _slice(self, item: str, name: str, draw: int) -> Any:
        file, keys = self._open(item)
        own = drawn(name, draw)
        # Draws of a window that does not move share their frames and targets; masks are each draw's own.
        return file.get_slice(own if own in keys or name.endswith("mask") else name)

    def clip(self, item: str, sample: str, what: str, at: range, draw: int) -> torch.Tensor:
        """``at`` counts upwards."""
        latents: torch.Tensor = self._slice(item, f"{sample}|{what}", draw)[at.start : at[-1] + 1][:: at.step]
        return latents.clone()

    def pair(self, item: str, row: int, what: str, draw: int) -> torch.Tensor:
        latents: torch.Tensor = self._slice(item, what, draw)[row : row + 1]
        return latents.clone()

    def pair_name(self, item: str, row: int) -> str:
        return self._names(item)[row]

    def _names_of(self, item: str) -> list[str]:
        return str(self._open(item)[0].metadata()["pairs"]).split("\n")
