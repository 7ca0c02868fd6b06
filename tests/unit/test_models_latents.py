"""Pixels to latents and back: exact at both ends, and independent of how many are encoded at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL

from tests.unit.tiny_models import randn, vae, video
from tgvac.models.latents import (
    decode,
    encode_conditions,
    encode_mode,
    encode_moments,
    mask_to_tensor,
    round_trip,
    to_images,
    to_tensor,
)


@pytest.fixture(scope="module")
def network() -> AutoencoderKL:
    return vae(scaling=0.5)


def test_every_level_goes_to_floats_and_back() -> None:
    levels_FSS3 = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    x_F3SS = to_tensor(levels_FSS3)
    assert x_F3SS.shape == (1, 3, 16, 16)
    assert x_F3SS.dtype == torch.float32
    assert (float(x_F3SS.min()), float(x_F3SS.max())) == (-1.0, 1.0)
    assert np.array_equal(to_images(x_F3SS), levels_FSS3)


def test_rows_columns_and_colours_keep_their_places() -> None:
    images_FSS3, _ = video(3, 16, 16)
    assert np.array_equal(to_images(to_tensor(images_FSS3)), images_FSS3)
    assert to_tensor(images_FSS3)[2, 1, 5, 7] == pytest.approx(images_FSS3[2, 5, 7, 1] / 127.5 - 1, abs=1e-6)


def test_values_beyond_the_range_are_cut_and_others_rounded() -> None:
    values = torch.tensor([-9.0, -1.001, -0.9970, -0.9960, 0.0, 0.999, 1.5]).view(1, 1, 1, 7).expand(1, 3, 1, 7)
    assert to_images(values)[0, 0, :, 0].tolist() == [0, 0, 0, 1, 128, 255, 255]


def test_a_mask_is_a_grey_picture_black_outside_and_white_inside() -> None:
    _, masks_FSS = video(2, 16, 16)
    x_F3SS = mask_to_tensor(masks_FSS)
    assert x_F3SS.shape == (2, 3, 16, 16)
    for channel in range(3):
        assert np.array_equal(x_F3SS[:, channel].numpy(), np.where(masks_FSS == 255, 1.0, -1.0))


@pytest.mark.parametrize("count", range(1, 10))
def test_latents_do_not_depend_on_what_else_is_encoded(network: AutoencoderKL, count: int) -> None:
    images = to_tensor(video(9, 16, 16)[0])
    all_mean, all_std = encode_moments(network, images, 4)
    mean, std = encode_moments(network, images[:count], 4)
    assert mean.shape == std.shape == (count, 4, 4, 4)
    assert torch.equal(mean, all_mean[:count])
    assert torch.equal(std, all_std[:count])
    assert torch.equal(decode(network, all_mean[:count], 4), decode(network, all_mean, 4)[:count])


def test_every_call_of_the_autoencoder_has_the_full_batch(
    network: AutoencoderKL, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    encode, decode_ = network.encode, network.decode
    monkeypatch.setattr(network, "encode", lambda x: (sizes.append(len(x)), encode(x))[1])
    monkeypatch.setattr(network, "decode", lambda z: (sizes.append(len(z)), decode_(z))[1])
    round_trip(network, video(6, 16, 16)[0], 4)
    assert sizes == [4, 4, 4, 4]


def test_moments_are_the_posteriors_and_not_scaled(network: AutoencoderKL) -> None:
    images = to_tensor(video(4, 16, 16)[0])
    with torch.no_grad():
        posterior = network.encode(images).latent_dist
    mean, std = encode_moments(network, images, 4)
    torch.testing.assert_close(mean, posterior.mode())
    torch.testing.assert_close(std, posterior.std)
    torch.testing.assert_close(encode_mode(network, images, 4), posterior.mode())


def test_conditions_are_the_frame_and_the_mask_in_this_order(network: AutoencoderKL) -> None:
    frames_FSS3, masks_FSS = video(3, 16, 16)
    frame, mask = encode_conditions(network, frames_FSS3, masks_FSS, 4)
    assert torch.equal(frame, encode_mode(network, to_tensor(frames_FSS3), 4))
    assert torch.equal(mask, encode_mode(network, mask_to_tensor(masks_FSS), 4))
    assert not torch.equal(frame, mask)


def test_decoding_takes_scaled_latents(network: AutoencoderKL) -> None:
    z = randn(2, 4, 4, 4)
    with torch.no_grad():
        expected = network.decode(z).sample
    torch.testing.assert_close(decode(network, z * 0.5, 4), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("count", [1, 5])
def test_a_round_trip_is_encoding_then_decoding_whatever_the_scaling(network: AutoencoderKL, count: int) -> None:
    images_FSS3, _ = video(count, 16, 16)
    back_FSS3 = round_trip(network, images_FSS3, 4)
    assert back_FSS3.shape == images_FSS3.shape
    assert back_FSS3.dtype == np.uint8
    with torch.no_grad():
        expected = network.decode(network.encode(to_tensor(images_FSS3)).latent_dist.mode()).sample
    assert np.abs(to_images(expected).astype(int) - back_FSS3).max() <= 1
    assert np.array_equal(back_FSS3, round_trip(vae(scaling=0.25), images_FSS3, 4))  # halving is exact in floats
