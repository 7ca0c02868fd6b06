"""The frame model: twelve channels in a fixed order, and the text-to-image model's output before training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel

from tests.unit.tiny_models import randn, unet_4
from tgvac.models.frame_unet import extend_conv_in
from tgvac.models.layouts import FRAME_MASK


def test_channels_are_in_the_order_noised_latents_frame_mask() -> None:
    parts = [torch.full((2, 4, 3, 5, 5), value) for value in (1.0, 2.0, 3.0)]
    stacked = FRAME_MASK.stack(*parts)
    assert stacked[0, :, 0, 0, 0].tolist() == [1.0] * 4 + [2.0] * 4 + [3.0] * 4


def test_widening_copies_four_channels_and_the_bias_and_zeroes_the_rest() -> None:
    old, new = unet_4().conv_in, extend_conv_in(unet_4()).conv_in
    assert new.weight.shape == (16, 12, 3, 3)
    assert old.bias.abs().min() > 0  # otherwise a copy would look like zeros
    assert torch.equal(new.weight[:, :4], old.weight)
    assert torch.equal(new.bias, old.bias)
    assert not new.weight[:, 4:].any()


@pytest.mark.parametrize("size_of_conditions", [0.0, 1.0, 30.0])
def test_the_widened_unet_starts_as_the_text_to_image_unet_to_the_bit(size_of_conditions: float) -> None:
    z_Bchw, others_BChw = randn(2, 4, 8, 8), size_of_conditions * randn(2, 8, 8, 8, seed=1)
    t_B, text_BND = torch.tensor([3, 900]), randn(2, 12, 16, seed=2)
    with torch.no_grad():
        before = unet_4()(z_Bchw, t_B, text_BND).sample
        after = extend_conv_in(unet_4())(torch.cat([z_Bchw, others_BChw], 1), t_B, text_BND).sample
    assert torch.equal(before, after)


def test_the_zero_channels_get_gradients() -> None:
    unet = extend_conv_in(unet_4())
    unet(randn(1, 12, 8, 8), torch.tensor([500]), randn(1, 12, 16)).sample.square().mean().backward()
    gradient = unet.conv_in.weight.grad
    assert gradient is not None
    assert (gradient[:, 4:].abs().amax(dim=(0, 2, 3)) > 0).all()


def test_a_unet_is_not_widened_twice() -> None:
    unet = extend_conv_in(unet_4())
    with pytest.raises(ValueError, match="12 channels"):
        extend_conv_in(unet)
    assert unet.conv_in.in_channels == 12


def test_a_widened_unet_is_saved_with_twelve_channels_and_loads_to_the_same_output(tmp_path: Path) -> None:
    unet = extend_conv_in(unet_4()).eval()
    unet.save_pretrained(tmp_path)
    loaded = UNet2DConditionModel.from_pretrained(tmp_path)
    assert loaded.config.in_channels == 12
    given = (randn(1, 12, 8, 8), torch.tensor([500]), randn(1, 12, 16))
    with torch.no_grad():
        assert torch.equal(unet(*given).sample, loaded(*given).sample)
