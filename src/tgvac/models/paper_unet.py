"""``UNetMotionModel`` of diffusers with the paper's temporal blocks, which attend to the text.

Its levels call their motion modules without the text. Here each level is replaced by one that passes it on, so the text
reaches every block as an argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tgvac.models.paper_block import replace_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    from diffusers import UNetMotionModel

# Shapes: B clips, F frames, C channels, H height, W width, N tokens, D text width.


def use_paper_blocks(video: UNetMotionModel, heads: int, max_distance: int) -> UNetMotionModel:
    """Put the paper's block into every motion module, in place; the other weights keep their names and order."""
    replace_blocks(video, heads, int(video.config.cross_attention_dim), max_distance)
    video.down_blocks = nn.ModuleList(_DownLevel(level) for level in video.down_blocks)
    video.up_blocks = nn.ModuleList(_UpLevel(level) for level in video.up_blocks)
    return video


class _Level(nn.Module):
    """The layers of a level of diffusers under the same names, called in the same order.

    FreeU and additional residuals are not supported.
    """

    has_cross_attention = True
    """UNetMotionModel passes the text only to levels that say so. Those without attention need it here, too."""

    attentions: nn.ModuleList  # only of levels with cross-attention
    resnets: nn.ModuleList
    motion_modules: nn.ModuleList

    def __init__(self, level: nn.Module) -> None:
        super().__init__()
        for name, layers in level.named_children():
            self.add_module(name, layers)
        # Both are set by enable_gradient_checkpointing of diffusers.
        self.gradient_checkpointing = False
        self._gradient_checkpointing_func: Callable[..., torch.Tensor] | None = None

    def _layer(self, i: int, x: torch.Tensor, temb: torch.Tensor, text: torch.Tensor, num_frames: int) -> torch.Tensor:
        """Layer ``i``: convolutions, attention to the text where the level has it, motion module.

        Args:
            x: ``[B*F,C,H,W]``.
            text: ``[B*F,N,D]``, repeated for each frame of a clip.
        """
        if torch.is_grad_enabled() and self.gradient_checkpointing:
            assert self._gradient_checkpointing_func is not None
            x = self._gradient_checkpointing_func(self.resnets[i], x, temb)
        else:
            x = self.resnets[i](input_tensor=x, temb=temb)
        if hasattr(self, "attentions"):
            x = self.attentions[i](hidden_states=x, encoder_hidden_states=text, return_dict=False)[0]
        out: torch.Tensor = self.motion_modules[i](x, encoder_hidden_states=text[::num_frames], num_frames=num_frames)
        return out

    def _samplers(self, name: str) -> Any:
        """Down- or upsamplers; the last level has none."""
        return getattr(self, name, ())


class _DownLevel(_Level):
    def forward(
        self,
        hidden_states: torch.Tensor,
        temb: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        num_frames: int,
        **_: Any,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        """The output, and that of each layer for the level's counterpart on the way up."""
        x, states = hidden_states, []
        for i in range(len(self.resnets)):
            x = self._layer(i, x, temb, encoder_hidden_states, num_frames)
            states.append(x)
        for downsampler in self._samplers("downsamplers"):
            x = downsampler(hidden_states=x)
            states.append(x)
        return x, tuple(states)


class _UpLevel(_Level):
    def forward(
        self,
        hidden_states: torch.Tensor,
        temb: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        num_frames: int,
        res_hidden_states_tuple: tuple[torch.Tensor, ...],
        upsample_size: tuple[int, int] | None = None,
        **_: Any,
    ) -> torch.Tensor:
        x = hidden_states
        for i, state in enumerate(reversed(res_hidden_states_tuple)):
            x = self._layer(i, torch.cat([x, state], dim=1), temb, encoder_hidden_states, num_frames)
        for upsampler in self._samplers("upsamplers"):
            x = upsampler(hidden_states=x, output_size=upsample_size)
        return x
