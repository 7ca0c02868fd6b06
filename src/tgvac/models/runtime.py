"""Quiet libraries, and random generators seeded by name."""

from __future__ import annotations

import torch

from tgvac.seeds import seed_of


def quiet() -> None:
    """Turn off the libraries' progress bars, since each stage reports its own progress."""
    import diffusers
    import transformers

    transformers.utils.logging.disable_progress_bar()
    diffusers.utils.logging.disable_progress_bar()


def generator(*names: str | int) -> torch.Generator:
    """A CPU generator seeded by names. Noise is drawn on the CPU so that a GPU gets the same numbers."""
    return torch.Generator().manual_seed(seed_of(*names))


def normal(shape: tuple[int, ...], *names: str | int) -> torch.Tensor:
    """Standard normal noise, ``float32``, seeded by names."""
    return torch.randn(shape, generator=generator(*names))
