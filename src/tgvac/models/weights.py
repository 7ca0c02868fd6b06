"""Which weights: their digest, by names and values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def weights_digest(weights: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 hex over the names, in their order, and the ``float32`` values of weights on the CPU."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].contiguous().numpy().data)
    return digest.hexdigest()
