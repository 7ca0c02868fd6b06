"""CLIP-T: how well a picture fits a sentence, by both towers of the scoring CLIP.

ProgressiveAmodal reports this as its CLIP score (about 0.29); the paper's scores can only compare images.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tgvac.errors import BadInput

if TYPE_CHECKING:
    from transformers import CLIPModel

_WORDS = ("tokenizer.json", "vocab.json")


@dataclass(frozen=True)
class TextEncoder:
    """The text tower of a CLIP, and its tokenizer."""

    model: CLIPModel
    tokenizer: Any


def load_text(folder: Path, model: CLIPModel) -> TextEncoder | None:
    """The text tower of a loaded CLIP; None if its folder has no vocabulary, without which no sentence can be read.

    Raises:
        BadInput: the tokenizer has words that the text tower does not know.
    """
    # transformers would make an empty tokenizer from a folder without these files.
    if not any((folder / name).is_file() for name in _WORDS):
        return None
    from transformers import CLIPTokenizer

    tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    known = model.config.text_config.vocab_size
    if len(tokenizer) > known:
        raise BadInput(
            f"{folder}: the tokenizer has {len(tokenizer)} tokens, and the text tower knows {known}; restore the"
            " model's own files."
        )
    return TextEncoder(model, tokenizer)


def embed_text(encoder: TextEncoder, text: str) -> NDArray[np.float32]:
    """The embedding of a sentence, of length 1.

    Args:
        text: of any length; what does not fit the tower's tokens is cut off, as CLIP itself does.

    Returns:
        float32 [D], L2-normalised.
    """
    import torch

    length = encoder.model.config.text_config.max_position_embeddings
    tokens_1N = encoder.tokenizer(text, max_length=length, truncation=True, return_tensors="pt").input_ids
    with torch.inference_mode():
        features: Any = encoder.model.get_text_features(input_ids=tokens_1N.to(encoder.model.device))
        # transformers 5 wraps the projected embedding in an output object, transformers 4 gave the tensor.
        embedding_1D = features if isinstance(features, torch.Tensor) else features.pooler_output
        unit_D: NDArray[np.float32] = torch.nn.functional.normalize(embedding_1D.float(), dim=-1)[0].cpu().numpy()
    return unit_D


def text_similarity(images_FD: NDArray[np.float32], text_D: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine of each frame's embedding with that of a sentence, ``float64 [F]`` in [-1,1].

    Raises:
        ValueError: embeddings of different widths.
    """
    if images_FD.ndim != 2 or images_FD.shape[1:] != text_D.shape:
        raise ValueError(
            f"embeddings of images [F,D] and of a text [D] do not fit: {images_FD.shape} and {text_D.shape}"
        )
    cosine_F: NDArray[np.float64] = images_FD.astype(np.float64) @ text_D.astype(np.float64)
    return np.clip(cosine_F, -1, 1)
