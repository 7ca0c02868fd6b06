"""Torch on this machine: pinning what decides bits, and the device."""

from __future__ import annotations

import os

import torch

from tgvac.errors import BadInput


def pin(threads: int) -> None:
    """Fix the number of threads and ask for deterministic kernels.

    On CPU equal bits are promised within one lock file and one CPU type; on a GPU nothing is.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Whatever a library draws without being handed a generator must not differ between runs either.
    torch.manual_seed(0)


def device_of(name: str) -> torch.device:
    """A torch device; ``auto`` is the first GPU, or else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise BadInput(f"Device '{name}' is unknown; give auto, cpu, cuda or cuda:0.")
    there = torch.cuda.device_count() if device.type == "cuda" else 1
    if (device.index or 0) >= there:
        raise BadInput(f"Device '{name}' is not there: torch can use {there} GPUs of this machine; give auto or cpu.")
    return device
