"""The temporal block that the paper draws, against its definitions, written out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import erf

from tests.unit.tiny_models import randn, randomised
from tgvac.models.paper_block import PaperBlock, RelativeSelfAttention, TextCrossAttention

# Shapes: P pixels, F frames, C channels, B clips, N words, D text width.


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
            # A key has its content plus its position: one frame before, the same frame, one frame after or farther.
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
def test_every_pixel_attends_to_the_words_of_its_own_clip() -> None:
    attention = TextCrossAttention(4, 6, 2)
    randomised(attention)
    x_PFC, text_BND = randn(6, 3, 4), randn(2, 5, 6, seed=1)
    whole = attention(x_PFC, text_BND)
    for clip, pixels in ((0, slice(0, 3)), (1, slice(3, 6))):
        assert torch.allclose(attention(x_PFC[pixels], text_BND[clip : clip + 1]), whole[pixels], atol=1e-6)
    other = attention(x_PFC, torch.cat([text_BND[:1], 2 * text_BND[1:]]))
    assert torch.allclose(other[:3], whole[:3], atol=1e-6)
    assert (other[3:] - whole[3:]).abs().max() > 1e-4


def test_a_block_without_a_text_is_refused() -> None:
    with pytest.raises(ValueError, match="got no text; call it through a video model"):
        PaperBlock(8, 2, 6, 3)(randn(1, 2, 8))


Weights = dict[str, np.ndarray]


def layer_norm(x: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    normalised = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return normalised * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def attend(scores: np.ndarray, values: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True) @ values


def block_by_hand(x_FC: np.ndarray, text_ND: np.ndarray, w: Weights, heads: int, farthest: int) -> np.ndarray:
    """One pixel's frames through the whole block, from the weights by formulas, in double.

    Three parts, each ``x + part(norm(x))`` (Vaswani et al. 2017, normalised before): attention over the frames with
    clipped relative positions in the keys (Shaw et al. 2018), attention to the words, a gated feed-forward with the
    exact GELU (Shazeer 2020).
    """
    frames, channels = x_FC.shape
    width = channels // heads
    cuts = [slice(h * width, (h + 1) * width) for h in range(heads)]

    given = layer_norm(x_FC, w, "norm1")
    q, k, v = (given @ w["attn1.to_qkv.weight"][i * channels : (i + 1) * channels].T for i in range(3))
    # The rows are the distances from -farthest to farthest.
    distance_FF = np.clip(np.arange(frames)[None, :] - np.arange(frames)[:, None], -farthest, farthest)
    position_FFd = w["attn1.positions.weight"][distance_FF + farthest]
    each = []
    for cut in cuts:
        keys_FFd = k[None, :, cut] + position_FFd  # for each query frame, for each key frame
        each.append(attend((q[:, None, cut] * keys_FFd).sum(-1) / math.sqrt(width), v[:, cut]))
    x_FC = x_FC + np.concatenate(each, -1) @ w["attn1.to_out.weight"].T + w["attn1.to_out.bias"]

    q = layer_norm(x_FC, w, "norm2") @ w["attn2.to_q.weight"].T
    k, v = (text_ND @ w["attn2.to_kv.weight"][i * channels : (i + 1) * channels].T for i in range(2))
    each = [attend(q[:, cut] @ k[:, cut].T / math.sqrt(width), v[:, cut]) for cut in cuts]
    x_FC = x_FC + np.concatenate(each, -1) @ w["attn2.to_out.weight"].T + w["attn2.to_out.bias"]

    both = layer_norm(x_FC, w, "norm3") @ w["ff.net.0.proj.weight"].T + w["ff.net.0.proj.bias"]
    wide, gate = np.split(both, 2, axis=-1)
    gated = wide * gate * (1 + erf(gate / math.sqrt(2))) / 2
    return x_FC + gated @ w["ff.net.2.weight"].T + w["ff.net.2.bias"]


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 2, 7])
def test_a_block_is_what_its_definition_says(frames: int) -> None:
    """Two clips of two pixels, each clip with its own words; seven frames go beyond the largest distance. Words have no
    mask: as in Stable Diffusion, padding is attended to, too."""
    block = randomised(PaperBlock(8, 2, 6, max_distance=3))
    assert isinstance(block, PaperBlock)
    x_PFC, text_BND = randn(4, frames, 8), randn(2, 5, 6, seed=1)
    ours = block(x_PFC, text_BND, timestep=None).double().numpy()
    weights = {name: value.double().numpy() for name, value in block.state_dict().items()}
    given, texts = x_PFC.double().numpy(), text_BND.double().numpy()
    expected = np.stack([block_by_hand(given[p], texts[p // 2], weights, 2, 3) for p in range(4)])
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5)
    # Each of the three parts moves its input by far more than the tolerance.
    for name in ("attn1.to_out", "attn2.to_out", "ff.net.2"):
        without = {key: 0 * value if key.startswith(name) else value for key, value in weights.items()}
        other = np.stack([block_by_hand(given[p], texts[p // 2], without, 2, 3) for p in range(4)])
        assert np.abs(other - expected).max() > 0.1, name
