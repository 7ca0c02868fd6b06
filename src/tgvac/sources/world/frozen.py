"""What the generator is: a digest of its code, printed with every result that was measured in the world."""

from __future__ import annotations

from tgvac import config
from tgvac.provenance import closure

_ROOM = "tgvac.sources.world"


def world_digest() -> str:
    """SHA-256 (hex) over the world's own modules, as syntax trees without comments and docstrings."""
    own = {name: digest for name, digest in closure(f"{_ROOM}.publish").items() if name.startswith(_ROOM)}
    return config.digest(own)
