"""Layouts of input channels: order, widths, and a UNet that is widened to them."""

from __future__ import annotations

import pytest
import torch

from tests.unit.tiny_models import CONDITIONS, randn, unet_4
from tgvac.models.frame_unet import extend_conv_in
from tgvac.models.layouts import FRAME_MASK, LAYOUTS, ChannelLayout
from tgvac.models.params import VariantParams

INPAINTING = ChannelLayout(("mask", "frame"), mask_channels=1)
"""As inpainting models of Stable Diffusion have it: a mask of one channel, then the masked picture's latents."""


@pytest.mark.parametrize(
    ("layout", "mask_channels", "expected"),
    [
        (FRAME_MASK, 4, [1.0] * 4 + [2.0] * 4 + [3.0] * 4),
        (ChannelLayout(("mask", "frame")), 4, [1.0] * 4 + [3.0] * 4 + [2.0] * 4),
        (INPAINTING, 1, [1.0] * 4 + [3.0] + [2.0] * 4),
        (ChannelLayout(("mask",)), 4, [1.0] * 4 + [3.0] * 4),
    ],
)
def test_noised_latents_come_first_and_conditions_in_their_order(
    layout: ChannelLayout, mask_channels: int, expected: list[float]
) -> None:
    z, frame = (torch.full((2, 4, 3, 5, 5), value) for value in (1.0, 2.0))
    stacked = layout.stack(z, frame, torch.full((2, mask_channels, 3, 5, 5), 3.0))
    assert stacked[1, :, 2, 4, 4].tolist() == expected
    assert layout.channels(4) == len(expected)


def test_channels_can_be_another_axis() -> None:
    parts = [torch.full((3, 4, 5, 5), value) for value in (1.0, 2.0, 3.0)]
    assert torch.equal(
        FRAME_MASK.stack(*(p.transpose(0, 1) for p in parts), dim=0).transpose(0, 1), FRAME_MASK.stack(*parts)
    )


def test_the_paper_s_layout_has_twelve_channels_and_an_inpainting_model_s_nine() -> None:
    assert (FRAME_MASK.channels(4), INPAINTING.channels(4)) == (12, 9)
    assert FRAME_MASK.channels(16) == 48
    assert LAYOUTS["frame_mask"] is FRAME_MASK


@pytest.mark.parametrize(("layout", "channels"), [(FRAME_MASK, 12), (INPAINTING, 9)])
def test_a_unet_is_widened_to_its_layout_and_starts_as_the_text_to_image_unet(
    layout: ChannelLayout, channels: int
) -> None:
    old, unet = unet_4().conv_in, extend_conv_in(unet_4(), layout)
    assert unet.conv_in.in_channels == unet.config.in_channels == channels
    assert torch.equal(unet.conv_in.weight[:, :4], old.weight)
    assert not unet.conv_in.weight[:, 4:].any()
    z, t, text = randn(1, 4, 8, 8), torch.tensor([500]), randn(1, 12, 16)
    x = layout.stack(z, randn(1, 4, 8, 8, seed=1), randn(1, layout.mask_channels or 4, 8, 8, seed=2))
    with torch.no_grad():
        assert torch.equal(unet(x, t, text).sample, unet_4()(z, t, text).sample)


def test_an_unknown_layout_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match=r"layout 'frame_masks' is unknown; .*frame_mask"):
        VariantParams(layout="frame_masks").of(CONDITIONS)
