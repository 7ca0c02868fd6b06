"""Motion modules as a separate adapter, and the video model assembled from an adapter and a frame model.

For AnimateDiff's block the adapter is diffusers' ``MotionAdapter``. For the paper's block it is a subclass of it, whose
weights have the names of the video model's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

# diffusers looks for the base class that loads an unknown class in the module of that class.
from diffusers import ModelMixin, MotionAdapter  # noqa: F401
from diffusers.configuration_utils import register_to_config

from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.motion_unet import apply_norm
from tgvac.models.paper_block import replace_blocks
from tgvac.models.paper_unet import use_paper_blocks

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel, UNetMotionModel


class PaperMotionAdapter(MotionAdapter):  # type: ignore[misc]  # diffusers is untyped
    """The motion modules of ``motion_module.block: paper``.

    Args:
        text_width: width of the text states that the blocks attend to.
        max_distance: the largest relative position.

    The other arguments are those of ``MotionAdapter``.
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
    """Copy the motion modules of a video model into an adapter of the class that fits its block."""
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
    """Assemble a video model from a frame model and motion modules, in evaluation mode; it shares their weights.

    Args:
        params: give the ``norm`` of the motion modules; block and shapes come from the adapter.

    Raises:
        ValueError: when the adapter was made for another UNet.
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
            f" {unet.config.block_out_channels}; load both from one model"
        ) from error
    return apply_norm(video, params).eval()
