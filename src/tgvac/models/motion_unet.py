"""The video model: the frame model with temporal modules at every down and up level, none in the middle block.

It is a ``UNetMotionModel`` of diffusers with two changes:
* The output projections of the motion modules start at zero, so that the video model equals the frame model before
  training.
* With ``norm: frame`` the motion modules normalise each frame by itself, as AnimateDiff does, so that a frame's
  statistics do not depend on other frames. diffusers normalises all frames of a clip together.

With ``block: paper`` its temporal blocks are those that the paper draws (see ``paper_block`` and ``paper_unet``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import nn

from tgvac.errors import BadInput
from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.paper_unet import use_paper_blocks

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel, UNetMotionModel

# Shapes: B clips, F frames, C channels, H height, W width.


class FrameGroupNorm(nn.GroupNorm):
    """Group normalisation of ``[B,C,F,H,W]`` within each frame; parameters as in ``nn.GroupNorm``."""

    def forward(self, x_BCFHW: torch.Tensor) -> torch.Tensor:
        batch, channels, frames, height, width = x_BCFHW.shape
        x = x_BCFHW.transpose(1, 2).reshape(batch * frames, channels, height, width)
        return super().forward(x).view(batch, frames, channels, height, width).transpose(1, 2)


def _motion_norms(unet: nn.Module) -> Iterator[tuple[nn.Module, nn.GroupNorm]]:
    from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D

    for module in unet.modules():
        if isinstance(module, AnimateDiffTransformer3D):
            yield module, module.norm


def inflate(unet: UNet2DConditionModel, params: MotionModuleParams) -> UNetMotionModel:
    """Make a video model from a frame model: its weights are copied and frozen, motion modules have zero output.

    Args:
        unet: the 12-channel frame model.

    Raises:
        BadInput: when the number of heads does not divide the UNet's channels.
    """
    from diffusers import MotionAdapter, UNetMotionModel

    if odd := [c for c in unet.config.block_out_channels if c % params.heads or c % 2]:
        raise BadInput(
            f"motion_module.heads {params.heads} does not divide the UNet's {odd[0]} channels; choose a number that"
            f" divides each of {', '.join(map(str, unet.config.block_out_channels))}."
        )
    adapter = MotionAdapter(
        block_out_channels=tuple(unet.config.block_out_channels),
        motion_layers_per_block=unet.config.layers_per_block,
        motion_num_attention_heads=params.heads,
        motion_norm_num_groups=unet.config.norm_num_groups,
        motion_max_seq_length=params.max_frames,
        use_motion_mid_block=False,
    )
    video = UNetMotionModel.from_unet2d(unet, adapter, load_weights=False)
    # Loaded here, since load_weights=True ends in a cast of dtype that diffusers warns about, whatever the dtype.
    video.load_state_dict({**unet.state_dict(), **adapter.state_dict()})
    video = _apply_block(video, params)
    for module, _ in _motion_norms(video):
        assert isinstance(module.proj_out, nn.Linear)
        nn.init.zeros_(module.proj_out.weight)
        nn.init.zeros_(module.proj_out.bias)
    video.freeze_unet2d_params()
    return apply_norm(video, params)


def load_inflated(folder: Path, params: MotionModuleParams) -> UNetMotionModel:
    """Load a saved video model. The params give block and normalisation, which are not in its config.

    Raises:
        BadInput: when the weights do not fit the modules of the params.
    """
    from diffusers import UNetMotionModel

    # Not from_pretrained, which only warns of missing weights and leaves them at random.
    video = _apply_block(UNetMotionModel.from_config(UNetMotionModel.load_config(folder)), params)
    try:
        video.load_state_dict(load_file(folder / "diffusion_pytorch_model.safetensors"))
    except RuntimeError as error:
        raise BadInput(
            f"The weights in {folder} are not those of motion_module.block {params.block} with {params.heads} heads and"
            f" max_distance {params.max_distance}; train the motion model again, or restore these keys."
        ) from error
    return apply_norm(video, params).eval()


def _apply_block(video: UNetMotionModel, params: MotionModuleParams) -> UNetMotionModel:
    return use_paper_blocks(video, params.heads, params.max_distance) if params.block == "paper" else video


def apply_norm(video: UNetMotionModel, params: MotionModuleParams) -> UNetMotionModel:
    """Give the motion modules the normalisation of the params, in place."""
    if params.norm == "frame":
        for module, norm in list(_motion_norms(video)):
            if not isinstance(norm, FrameGroupNorm):
                fresh = FrameGroupNorm(norm.num_groups, norm.num_channels, norm.eps, norm.affine)
                fresh.load_state_dict(norm.state_dict())
                fresh.requires_grad_(norm.weight.requires_grad)
                module.norm = fresh
    return video
