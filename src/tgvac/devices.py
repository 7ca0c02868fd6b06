"""Where networks run: reproducible settings, choosing a device, and running a frozen network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from tgvac.errors import BadInput


def pin(threads: int) -> None:
    """Fix the number of threads and ask for deterministic kernels.

    On CPU equal bits are promised within one lock file and one CPU type; on a GPU nothing is.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Libraries that draw without a generator must give the same numbers in every run.
    torch.manual_seed(0)


def device_of(name: str, tf32: bool | None = None) -> torch.device:
    """A torch device; ``auto`` is the first GPU, or else the CPU.

    Args:
        tf32: whether to use TF32 for float32 products on a GPU; None keeps torch's setting.
    """
    device = _named(name)
    # Not on a CPU: torch's flags reach some of its kernels, too, and there bits are promised.
    if device.type == "cuda" and tf32 is not None:
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32
    return device


def _named(name: str) -> torch.device:
    if name == "auto":
        # Each process that shares a training has its own GPU.
        own = f"cuda:{os.environ['LOCAL_RANK']}" if "LOCAL_RANK" in os.environ else "cuda"
        return torch.device(own if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise BadInput(f"Device '{name}' is unknown; give auto, cpu, cuda or cuda:0.")
    there = torch.cuda.device_count() if device.type == "cuda" else 1
    if (device.index or 0) >= there:
        raise BadInput(f"Device '{name}' is not there: torch can use {there} GPUs of this machine; give auto or cpu.")
    if device.type == "cuda" and device.index is not None:
        # Libraries that get "cuda" without a number use the current device.
        torch.cuda.set_device(device)
    return device


@contextmanager
def network_step(device: torch.device, precision: Literal["float32", "bfloat16"]) -> Iterator[None]:
    """One step of a frozen network: no gradients, mixed precision if asked for, one thread of the CPU.

    The number of threads decides the last bits; shards are what runs in parallel. It is given back after the step.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            yield
    finally:
        torch.set_num_threads(threads)
