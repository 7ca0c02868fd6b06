"""Centring an autoencoder's latents."""

from __future__ import annotations

import pytest
import torch

from tests.unit.tiny_models import STANDIN
from tgvac.models.centred_latents import centre_latents
from tgvac.models.small_networks import build_vae


def pictures() -> torch.Tensor:
    return torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(3)) * 2 - 1


@torch.no_grad()
def test_latents_are_centred_and_decoded_images_stay_the_same() -> None:
    vae, x_B3SS = build_vae(STANDIN, 1).eval(), pictures()
    before = vae.encode(x_B3SS).latent_dist
    decoded = vae.decode(before.mean).sample
    mean, deviation = before.mean.mean((0, 2, 3)), before.mean.std((0, 2, 3))
    centre_latents(vae, mean, deviation)
    after = vae.encode(x_B3SS).latent_dist
    torch.testing.assert_close(after.mean.mean((0, 2, 3)), torch.zeros(len(mean)), atol=1e-4, rtol=0)
    torch.testing.assert_close(after.mean.std((0, 2, 3)), torch.ones(len(mean)), atol=1e-4, rtol=0)
    torch.testing.assert_close(after.std, before.std / deviation.view(1, -1, 1, 1), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(vae.decode(after.mean).sample, decoded, atol=1e-4, rtol=0)


def test_a_channel_that_never_changes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be positive, not \[1.0, 0.0, 1.0, 1.0\]"):
        centre_latents(build_vae(STANDIN, 1), torch.zeros(4), torch.tensor([1.0, 0.0, 1.0, 1.0]))


def test_an_autoencoder_without_the_convolutions_is_refused() -> None:
    vae = build_vae(STANDIN, 1)
    vae.quant_conv = None
    with pytest.raises(ValueError, match="no quant_conv"):
        centre_latents(vae, torch.zeros(4), torch.ones(4))
