"""Motion modules in a folder of their own, and the video model put together from them and a frame model.

AnimateDiff's block has a class in diffusers, ``MotionAdapter``; the paper's block has none, and is kept in a class of
ours with the same names of weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

# Found here by diffusers, which asks the module of a class that it does not know for the base that loads it.
from diffusers import ModelMixin, MotionAdapter  # noqa: F401
from diffusers.configuration_utils import register_to_config

from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.motion_unet import apply_norm
from tgvac.models.paper_block import replace_blocks, use_paper_blocks

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel, UNetMotionModel


class PaperMotionAdapter(MotionAdapter):  # type: ignore[misc]  # diffusers is untyped
    """The motion modules of ``motion_module.block: paper``.

    Args:
        text_width: of the text's states, which its blocks attend to.
        max_distance: the farthest relative position.

    The other arguments are those of ``MotionAdapter``, and decide the same.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280),
        motion_layers_per_block: int | tuple[int, ...] = 2,
        motion_transformer_layers_per_block: int = 1,
        motion_mid_block_layers_per_block: int = 1,
        motion_transformer_layers_per_mid_block: int = 1,
        motion_num_attention_heads: int = 8,
        motion_norm_num_groups: int = 32,
        motion_max_seq_length: int = 32,
        use_motion_mid_block: bool = False,
        conv_in_channels: int | None = None,
        text_width: int = 768,
        max_distance: int = 13,
    ) -> None:
        super().__init__(
            block_out_channels,
            motion_layers_per_block,
            motion_transformer_layers_per_block,
            motion_mid_block_layers_per_block,
            motion_transformer_layers_per_mid_block,
            motion_num_attention_heads,
            motion_norm_num_groups,
            motion_max_seq_length,
            use_motion_mid_block,
            conv_in_channels,
        )
        replace_blocks(self, motion_num_attention_heads, text_width, max_distance)


def adapter_of(video: UNetMotionModel, params: MotionModuleParams) -> MotionAdapter:
    """The motion modules of a video model, copied into an adapter of the class that its block has."""
    config = video.config
    shape: dict[str, Any] = {
        "block_out_channels": tuple(config.block_out_channels),
        "motion_layers_per_block": config.layers_per_block,
        "motion_num_attention_heads": config.motion_num_attention_heads,
        "motion_norm_num_groups": config.norm_num_groups,
        "motion_max_seq_length": config.motion_max_seq_length,
        "use_motion_mid_block": False,
    }
    if params.block == "paper":
        more = {"text_width": int(config.cross_attention_dim), "max_distance": params.max_distance}
        adapter = PaperMotionAdapter(**shape, **more)
    else:
        adapter = MotionAdapter(**shape)
    adapter.load_state_dict({n: value for n, value in video.state_dict().items() if ".motion_modules." in n})
    return adapter.eval()


def assemble(unet: UNet2DConditionModel, adapter: MotionAdapter, params: MotionModuleParams) -> UNetMotionModel:
    """The video model of a frame model and motion modules, in evaluation mode; it has their very weights, no copies.

    Args:
        params: whose ``norm`` the motion modules have; block and shapes are the adapter's own.

    Raises:
        ValueError: when the adapter is of another UNet.
    """
    from diffusers import UNetMotionModel

    with torch.device("meta"):
        video = UNetMotionModel.from_unet2d(unet, adapter, load_weights=False)
        if isinstance(adapter, PaperMotionAdapter):
            use_paper_blocks(video, adapter.config.motion_num_attention_heads, adapter.config.max_distance)
    parts = {**unet.state_dict(keep_vars=True), **adapter.state_dict(keep_vars=True)}
    try:
        video.load_state_dict(parts, assign=True)
    except RuntimeError as error:
        raise ValueError(
            f"the motion adapter has channels {adapter.config.block_out_channels}, the UNet"
            f" {unet.config.block_out_channels}: they don't make one model"
        ) from error
    return apply_norm(video, params).eval()
