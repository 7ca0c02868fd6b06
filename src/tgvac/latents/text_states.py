"""The text encoder's states: cached by the phase `latents`, or encoded when they are first asked for.

    latents/texts/<digit>.safetensors     "<name>": float32 [N,D]; of the names that begin with that digit, 0 to f

A state's name is the digest of the text encoder, of the tokenizer and of the text, so that no other network's can be
taken for it. What isn't cached, such as a sentence that was edited since, is encoded; to the same bits on a CPU.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import torch
from safetensors import safe_open

from tgvac.clips.captions import read_captions
from tgvac.config import digest
from tgvac.latents.cache_keys import part_digest
from tgvac.models.backbones import Backbones
from tgvac.models.params import ComputeParams
from tgvac.models.text import encode_text
from tgvac.shards import read_index
from tgvac.stage import Context

REMEMBERED = 4096
"""Sentences that are not cached and whose states a training keeps."""


def encoder_digest(ctx: Context, compute: ComputeParams) -> str:
    """What decides a text's states: the networks, and torch's threads, on which the last bits depend."""
    return digest([part_digest(ctx.results / "backbones", "text_encoder", "tokenizer"), compute.threads, compute.tf32])


def state_name(encoder: str, text: str) -> str:
    """The name of a text's states."""
    return digest([encoder, text])


def texts_to_cache(
    ctx: Context, encoder: str, tracks: Iterable[str], pairs: Iterable[str], at_most: int
) -> dict[str, str]:
    """The empty sentence, those of some tracks, and those of all pairs of some sources; by name of their states.

    Where there are too many, those of tracks come first: there are far fewer of them, and each is drawn far more often.

    Args:
        encoder: from :func:`encoder_digest`.
        at_most: how many are taken, in that order and then by name; 0: none.
    """
    wanted, sources = set(tracks), set(pairs)
    captions = read_captions(ctx.results / "captions" / "captions.parquet").values()
    often = {"", *(c.text for c in captions if c.track in wanted)}
    seldom = {c.text for c in captions if c.track.partition("/")[0] in sources} - often
    ordered = [
        *sorted((state_name(encoder, t), t) for t in often),
        *sorted((state_name(encoder, t), t) for t in seldom),
    ]
    return dict(sorted(ordered[:at_most]))


def by_file(named: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Sentences by the item of the cache that holds them, ``texts/0`` to ``texts/f``: another one moves none."""
    files: dict[str, dict[str, str]] = defaultdict(dict)
    for name, text in named.items():
        files[f"texts/{name[0]}"][name] = text
    return dict(files)


class CachedTexts:
    """The states on disk, memory-mapped.

    Args:
        encoder: from :func:`encoder_digest`.
    """

    def __init__(self, ctx: Context, encoder: str) -> None:
        self._encoder = encoder
        self._files: dict[str, Any] = {}
        for entry in read_index(ctx.results / "latents" / "index.json").values():
            if "texts" in entry.facts:
                file: Any = safe_open(ctx.upstream("latents", entry), framework="pt")
                self._files |= dict.fromkeys(file.keys(), file)

    def find(self, text: str) -> torch.Tensor | None:
        """``float32 [N,D]``, or None where the text isn't cached."""
        name = state_name(self._encoder, text)
        return self._files[name].get_tensor(name) if name in self._files else None


def open_texts(ctx: Context, compute: ComputeParams) -> CachedTexts:
    """The cached states of the present text encoder."""
    return CachedTexts(ctx, encoder_digest(ctx, compute))


class TextStates:
    """The encoder's states of texts; those that aren't cached are encoded once, the most recent are kept."""

    def __init__(self, backbones: Backbones, cached: CachedTexts | None = None, keep: int = REMEMBERED) -> None:
        self._cached = cached
        self._state = lru_cache(maxsize=keep)(lambda text: encode_text(backbones, [text])[0])

    def __getitem__(self, text: str) -> torch.Tensor:
        """``float32 [N,D]``."""
        found = None if self._cached is None else self._cached.find(text)
        return self._state(text) if found is None else found
