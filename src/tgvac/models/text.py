"""Encodes sentences for cross-attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from tgvac.models.backbones import Backbones


@torch.no_grad()
def encode_text(backbones: Backbones, texts: Sequence[str]) -> torch.Tensor:
    """The encoder's last hidden states, ``float32 [B,N,D]`` on the CPU; texts are padded or cut to its N tokens.

    Texts are encoded one at a time, so that a text's states do not depend on the others.
    """
    length = backbones.text_encoder.config.max_position_embeddings
    states = []
    for text in texts:
        tokens = backbones.tokenizer(
            text, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        ).input_ids
        states.append(backbones.text_encoder(tokens.to(backbones.text_encoder.device)).last_hidden_state.float().cpu())
    return torch.cat(states)


def unread(tokenizer: Any, tokens: int, text: str) -> str:
    """The end of a text that does not fit an encoder, as it reads; "" if all of it fits.

    Args:
        tokens: that the encoder reads, with those that mark start and end.
    """
    # Not through the tokenizer's call, which warns of each long text.
    found = tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text))
    beyond = found[tokens - 2 :]
    return str(tokenizer.decode(beyond)).strip() if beyond else ""
