"""Pinning what decides bits: threads, deterministic kernels, generators seeded by name."""

from __future__ import annotations

import os

import torch

from tgvac.seeds import seed_of


def pin(threads: int) -> None:
    """Fix the number of threads and ask for deterministic kernels.

    On CPU equal bits are promised within one lock file and one CPU type; on a GPU nothing is.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Whatever a library draws without being handed a generator must not differ between runs either.
    torch.manual_seed(0)


def quiet() -> None:
    """Keep the libraries' own bars out of our logs: a stage says itself how far it is."""
    import diffusers
    import transformers

    transformers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.disable_progress_bar()


def generator(*names: str | int) -> torch.Generator:
    """A CPU generator seeded by names; noise is drawn on the CPU so that a GPU sees the same."""
    return torch.Generator().manual_seed(seed_of(*names))


def normal(shape: tuple[int, ...], *names: str | int) -> torch.Tensor:
    """Standard normal ``float32`` noise by names."""
    return torch.randn(shape, generator=generator(*names))
