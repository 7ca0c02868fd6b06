"""Seeds by name, never by the order of calls.

A draw depends only on what it is for (``"frame", "noise", step``), so that a sharded, resumed or
reordered run draws the same numbers.
"""

from __future__ import annotations

import hashlib

import numpy as np


def seed_of(*names: str | int) -> int:
    """A 63-bit seed from names; ``("a", "b")`` and ``("ab",)`` differ, and so do ``1`` and ``"1"``."""
    text = "\x1f".join(f"{type(name).__name__}:{name}" for name in names)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def rng(*names: str | int) -> np.random.Generator:
    """A NumPy generator (Philox, the same on every platform) seeded by names."""
    return np.random.Generator(np.random.Philox(seed_of(*names)))


def unit(*names: str | int) -> float:
    """A number in [0, 1) from names, for stable choices such as a shard or a split."""
    # A double has 53 bits; more could round up to 1.
    return (seed_of(*names) >> 10) / 2**53
