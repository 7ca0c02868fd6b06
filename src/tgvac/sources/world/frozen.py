"""What the generator is: a digest of its code, printed with every result that was measured in the world."""

from __future__ import annotations

from tgvac import config
from tgvac.provenance import closure

_ROOM = "tgvac.sources.world"
_BESIDE = ("tgvac.seeds", "tgvac.clip.images")
"""Whose numbers are drawn, and how pixels are encoded: another word there means other pictures, too."""


def world_digest() -> str:
    """SHA-256 (hex) over the modules that decide a pixel, as syntax trees without comments and docstrings."""
    found = closure(f"{_ROOM}.publish").items()
    own = {name: digest for name, digest in found if name.startswith(_ROOM) or name in _BESIDE}
    return config.digest(own)
