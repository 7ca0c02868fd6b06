"""The video model with the paper's blocks: levels compute what those of diffusers do, and the text is an argument."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from diffusers import UNetMotionModel
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D

from tests.unit.tiny_models import randn, video_unet
from tgvac.models.noise_models import video_noise_model
from tgvac.models.paper_block import replace_blocks

GIVEN = (randn(2, 12, 5, 8, 8), torch.tensor([20, 900]), randn(2, 12, 16, seed=1))


def with_levels_of_diffusers(video: UNetMotionModel, text_BND: torch.Tensor) -> UNetMotionModel:
    """The same weights in diffusers' own levels, whose motion modules are handed one text."""
    plain = UNetMotionModel.from_config(video.config)
    block = video.down_blocks[0].motion_modules[0].transformer_blocks[0]
    replace_blocks(plain, block.attn1.heads, 16, block.attn1.max_distance)
    plain.load_state_dict(video.state_dict())
    for theirs, ours in zip(motion_modules(plain), motion_modules(video), strict=True):
        theirs.norm = ours.norm
        theirs.register_forward_pre_hook(
            lambda _, given, named: (given, {**named, "encoder_hidden_states": text_BND}), with_kwargs=True
        )
    return plain.requires_grad_(True)


def motion_modules(video: UNetMotionModel) -> list[Any]:
    return [module for module in video.modules() if isinstance(module, AnimateDiffTransformer3D)]


@pytest.mark.parametrize("checkpointing", [False, True])
def test_output_and_gradients_are_those_of_the_levels_of_diffusers(checkpointing: bool) -> None:
    ours = video_unet(block="paper").requires_grad_(True)
    results = []
    for network in (ours, with_levels_of_diffusers(ours, GIVEN[2])):
        network.train()
        if checkpointing:
            network.enable_gradient_checkpointing()
        network.zero_grad(set_to_none=True)
        out = video_noise_model(network)(*GIVEN)
        out.square().mean().backward()
        results.append((out.detach(), {name: p.grad for name, p in network.named_parameters()}))
    (found, gradients), (expected, theirs) = results
    assert torch.equal(found, expected)
    assert list(gradients) == list(theirs), "optimizers number parameters in this order"
    assert all(torch.equal(gradients[name], value) for name, value in theirs.items() if value is not None)


@torch.no_grad()
def test_a_pass_within_a_pass_and_a_copy_keep_to_their_own_text() -> None:
    video, (x_BCFhw, t_B, text_BND) = video_unet(block="paper"), GIVEN
    model, other_text = video_noise_model(video), randn(2, 12, 16, seed=7)
    alone, other = model(x_BCFhw, t_B, text_BND), model(x_BCFhw, t_B, other_text)
    assert not torch.equal(alone, other)
    inner: list[torch.Tensor] = []

    def call_again(*_: Any) -> None:
        handle.remove()
        inner.append(model(x_BCFhw, t_B, other_text))

    handle = video.down_blocks[0].motion_modules[0].register_forward_hook(call_again)
    assert torch.equal(model(x_BCFhw, t_B, text_BND), alone)
    assert torch.equal(inner[0], other)
    copied = video_noise_model(copy.deepcopy(video))
    assert torch.equal(copied(x_BCFhw, t_B, other_text), other)
    assert torch.equal(model(x_BCFhw, t_B, text_BND), alone)
