"""A new stand-in autoencoder is already a blur, in colour."""

from __future__ import annotations

import pytest
import torch

from tests.unit.tiny_models import STANDIN, randn
from tgvac.models.small_networks import build_vae


def smooth_picture() -> torch.Tensor:
    """Large patches of colour, ``float32 [1,3,32,32]`` in [-1, 1]."""
    small = randn(1, 3, 4, 4).clamp(-1, 1)
    return torch.nn.functional.interpolate(small, size=(32, 32), mode="bilinear")


def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


@torch.no_grad()
def test_colours_are_reconstructed_before_any_training() -> None:
    vae, x_13HW = build_vae(STANDIN, 0).eval(), smooth_picture()
    back_13HW = vae.decode(vae.encode(x_13HW).latent_dist.mode()).sample
    colour, there = (x - x.mean(1, keepdim=True) for x in (back_13HW, x_13HW))
    assert correlation(colour, there) > 0.6


@torch.no_grad()
def test_the_posterior_starts_narrow() -> None:
    posterior = build_vae(STANDIN, 0).encode(smooth_picture()).latent_dist
    assert float(posterior.std.max()) == pytest.approx(0.0498, abs=1e-3)  # exp(-6 / 2)


def test_too_few_channels_for_colours_are_refused() -> None:
    with pytest.raises(ValueError, match="4 channels and 4 latent channels cannot carry colours; use at least 8"):
        build_vae(STANDIN.model_copy(update={"vae_channels": (4, 8, 8)}), 0)
