"""The temporal block as the paper draws it (section 3.3 and Figure 3): self-attention over frames with relative
positions, cross-attention to the text, feed-forward.

The paper does not say which relative positions it uses. We use those of Shaw et al. (2018): a vector for each distance
is added to the keys. Distances are clipped at ``max_distance``, so a window longer than those of training has no
position that training never saw.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

# Shapes: P pixels of all clips of a batch, B clips, F frames, C channels, N tokens, D text width, a heads.


class RelativeSelfAttention(nn.Module):
    """Attention of each pixel over its frames, ``[P,F,C]`` to the same."""

    def __init__(self, channels: int, heads: int, max_distance: int) -> None:
        super().__init__()
        self.heads, self.max_distance = heads, max_distance
        self.to_qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.to_out = nn.Linear(channels, channels)
        self.positions = nn.Embedding(2 * max_distance + 1, channels // heads)
        nn.init.normal_(self.positions.weight, std=(channels // heads) ** -0.5)

    def forward(self, x_PFC: torch.Tensor) -> torch.Tensor:
        pixels, frames, channels = x_PFC.shape
        qkv = self.to_qkv(x_PFC).view(pixels, frames, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q_PaFd, k_PaFd, v_PaFd = qkv.unbind()
        at = torch.arange(frames, device=x_PFC.device)
        distance_FF = (at[None, :] - at[:, None]).clamp(-self.max_distance, self.max_distance) + self.max_distance
        near_PaFF = torch.einsum("pafd,fgd->pafg", q_PaFd, self.positions(distance_FF)) * q_PaFd.shape[-1] ** -0.5
        out_PaFd = functional.scaled_dot_product_attention(q_PaFd, k_PaFd, v_PaFd, attn_mask=near_PaFF)
        out: torch.Tensor = self.to_out(out_PaFd.transpose(1, 2).reshape(pixels, frames, channels))
        return out


class TextCrossAttention(nn.Module):
    """Attention of each pixel and frame to the words of its clip, ``[P,F,C]`` to the same."""

    def __init__(self, channels: int, text_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_kv = nn.Linear(text_width, 2 * channels, bias=False)
        self.to_out = nn.Linear(channels, channels)

    def forward(self, x_PFC: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
        pixels, frames, channels = x_PFC.shape
        clips, words, _ = text_BND.shape
        # All pixels and frames of a clip attend to the same words, so they are one long row of queries.
        q_BaQd = self.to_q(x_PFC).view(clips, -1, self.heads, channels // self.heads).transpose(1, 2)
        kv = self.to_kv(text_BND).view(clips, words, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        k_BaNd, v_BaNd = kv.unbind()
        out_BaQd = functional.scaled_dot_product_attention(q_BaQd, k_BaNd, v_BaNd)
        out: torch.Tensor = self.to_out(out_BaQd.transpose(1, 2).reshape(pixels, frames, channels))
        return out


class PaperBlock(nn.Module):
    """One temporal block, in place of diffusers' ``BasicTransformerBlock``."""

    def __init__(self, channels: int, heads: int, text_width: int, max_distance: int) -> None:
        from diffusers.models.attention import FeedForward

        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attn1 = RelativeSelfAttention(channels, heads, max_distance)
        self.norm2 = nn.LayerNorm(channels)
        self.attn2 = TextCrossAttention(channels, text_width, heads)
        self.norm3 = nn.LayerNorm(channels)
        self.ff = FeedForward(channels, activation_fn="geglu")

    def forward(
        self, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor | None = None, **_: Any
    ) -> torch.Tensor:
        """``[P,F,C]`` to the same.

        Args:
            encoder_hidden_states: the words of each clip, ``[B,N,D]``.
            _: what else diffusers passes to its blocks; not used.

        Raises:
            ValueError: when there is no text.
        """
        if encoder_hidden_states is None:
            raise ValueError("a temporal block got no text; call it through a video model with the paper's block")
        x_PFC = hidden_states
        x_PFC = x_PFC + self.attn1(self.norm1(x_PFC))
        x_PFC = x_PFC + self.attn2(self.norm2(x_PFC), encoder_hidden_states)
        out: torch.Tensor = x_PFC + self.ff(self.norm3(x_PFC))
        return out


def replace_blocks(modules: nn.Module, heads: int, text_width: int, max_distance: int) -> None:
    """Put the paper's block into every motion module below, in place."""
    from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D

    for module in modules.modules():
        if isinstance(module, AnimateDiffTransformer3D):
            block = PaperBlock(module.proj_in.out_features, heads, text_width, max_distance)
            module.transformer_blocks = nn.ModuleList([block])
