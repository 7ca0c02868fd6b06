"""Quiet libraries, and generators seeded by name."""

from __future__ import annotations

import torch

from tgvac.seeds import seed_of


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
