"""The temporal block that the paper draws, against definitions written down anew."""

from __future__ import annotations

import math

import pytest
import torch

from tests.unit.tiny_models import randn, randomised
from tgvac.models.paper_block import PaperBlock, RelativeSelfAttention, TextCrossAttention

# Shapes: P pixels, F frames, C channels, N words, D text width.


def softmax(scores: list[float]) -> list[float]:
    powers = [math.exp(s - max(scores)) for s in scores]
    return [p / sum(powers) for p in powers]


def dot(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a * b).sum())


@torch.no_grad()
def test_self_attention_is_that_of_shaw_with_clipped_distances() -> None:
    attention = RelativeSelfAttention(4, 2, max_distance=1)
    randomised(attention)
    x_PFC = randn(1, 4, 4)
    q, k, v = (x_PFC[0] @ w.T for w in attention.to_qkv.weight.split(4))
    rows = []
    for i in range(4):
        heads = []
        for head in (slice(0, 2), slice(2, 4)):
            # A key is what it is plus where it is: one step before, the same frame, one step after or farther.
            keys = [k[j, head] + attention.positions.weight[min(max(j - i, -1), 1) + 1] for j in range(4)]
            shares = softmax([dot(q[i, head], key) / math.sqrt(2) for key in keys])
            heads.append(sum(share * v[j, head] for j, share in enumerate(shares)))
        rows.append(torch.cat(heads))
    expected = attention.to_out(torch.stack(rows))
    assert torch.allclose(attention(x_PFC)[0], expected, atol=1e-5)


@torch.no_grad()
def test_the_order_of_frames_matters() -> None:
    attention = RelativeSelfAttention(8, 2, max_distance=2)
    randomised(attention)
    x_PFC = randn(1, 3, 8)
    assert (attention(x_PFC.flip(1)).flip(1) - attention(x_PFC)).abs().max() > 1e-4


@torch.no_grad()
def test_every_pixel_asks_the_words_of_its_own_clip() -> None:
    attention = TextCrossAttention(4, 6, 2)
    randomised(attention)
    x_PFC, text_BND = randn(6, 3, 4), randn(2, 5, 6, seed=1)
    whole = attention(x_PFC, text_BND)
    for clip, pixels in ((0, slice(0, 3)), (1, slice(3, 6))):
        assert torch.allclose(attention(x_PFC[pixels], text_BND[clip : clip + 1]), whole[pixels], atol=1e-6)
    other = attention(x_PFC, torch.cat([text_BND[:1], 2 * text_BND[1:]]))
    assert torch.allclose(other[:3], whole[:3], atol=1e-6)
    assert (other[3:] - whole[3:]).abs().max() > 1e-4


def test_a_block_without_its_model_says_what_it_lacks() -> None:
    with pytest.raises(ValueError, match="hands it the text"):
        PaperBlock(8, 2, 6, 3)(randn(1, 2, 8))
