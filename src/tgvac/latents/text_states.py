"""The text encoder's states: cached by the phase `latents`, or encoded at their first use.

    latents/texts/<digit>.safetensors     "<name>": float32 [N,D], for names that start with that digit, 0 to f

A state's name is the digest of text encoder, tokenizer and text, so states of different networks are never confused. A
text that is not cached, such as an edited sentence, is encoded; on a CPU to the same bits.
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
"""Sentences outside of the cache whose states a training keeps in memory."""


def encoder_digest(ctx: Context, compute: ComputeParams) -> str:
    """The digest of what a text's states depend on: the networks, and for the last bits threads and TF32."""
    return digest([part_digest(ctx.results / "backbones", "text_encoder", "tokenizer"), compute.threads, compute.tf32])


def state_name(encoder: str, text: str) -> str:
    """The name of a text's states."""
    return digest([encoder, text])


def texts_to_cache(
    ctx: Context, encoder: str, tracks: Iterable[str], pairs: Iterable[str], at_most: int
) -> dict[str, str]:
    """The empty sentence and those of some tracks and of all pairs of some sources, by the name of their states.

    If there are too many, sentences of tracks come first, since they are fewer and each is drawn more often.

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
    """Sentences by their item of the cache, ``texts/0`` to ``texts/f``. An item does not depend on other sentences."""
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
        """``float32 [N,D]``, or None if the text is not cached."""
        name = state_name(self._encoder, text)
        return self._files[name].get_tensor(name) if name in self._files else None


def open_texts(ctx: Context, compute: ComputeParams) -> CachedTexts:
    """The cached states of the present text encoder."""
    return CachedTexts(ctx, encoder_digest(ctx, compute))


class TextStates:
    """The states of texts. Texts that are not cached are encoded; the most recent ones are kept."""

    def __init__(self, backbones: Backbones, cached: CachedTexts | None = None, keep: int = REMEMBERED) -> None:
        self._cached = cached
        self._state = lru_cache(maxsize=keep)(lambda text: encode_text(backbones, [text])[0])

    def __getitem__(self, text: str) -> torch.Tensor:
        """``float32 [N,D]``."""
        found = None if self._cached is None else self._cached.find(text)
        return self._state(text) if found is None else found
