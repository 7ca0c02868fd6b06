"""Small networks of the same classes as the real ones, with random weights drawn by name."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tgvac.models.backbones_params import ENCODER_HEADS, StandinParams
from tgvac.models.blur_start import start_as_blur
from tgvac.seeds import seed_of

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import (
        CLIPImageProcessor,
        CLIPModel,
        CLIPTextModel,
        CLIPTokenizer,
        CLIPVisionModelWithProjection,
    )


def build_tokenizer(params: StandinParams, texts: Iterable[str]) -> CLIPTokenizer:
    """CLIP's byte-pair tokenizer, from the vocabulary in open_clip, reduced to the words of some texts.

    It keeps those of CLIP's 48,894 merges that can occur in a word of the texts. These words are tokenized as in CLIP,
    all others in smaller pieces. A vocabulary of a thousand instead of 49,408 keeps the networks small.
    """
    import importlib.util

    from transformers import CLIPTokenizer

    spec = importlib.util.find_spec("open_clip")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("open_clip_torch is not installed; run `make install`")
    text = gzip.decompress((Path(spec.origin).parent / "bpe_simple_vocab_16e6.txt.gz").read_bytes()).decode()
    # As in CLIP: the first line is a header, and the vocabulary ends at 49,152 - 256 - 2 merges.
    pairs = [line.split() for line in text.split("\n")[1 : 49152 - 256 - 2 + 1]]
    words = {f"{word}</w>" for each in texts for word in re.findall(r"[a-z]+", each.lower())}
    inside = {word[a:b] for word in words for a in range(len(word)) for b in range(a + 1, len(word) + 1)}
    merges = [(left, right) for left, right in pairs if left + right in inside]
    letters = list(_byte_letters())
    tokens = letters + [f"{letter}</w>" for letter in letters] + [left + right for left, right in merges]
    vocabulary = {w: i for i, w in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=params.text_tokens)


def _byte_letters() -> list[str]:
    """A printable letter for each byte, in the order of GPT-2's and CLIP's vocabularies."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [b for b in range(256) if b not in plain]
    return [chr(b) for b in plain] + [chr(256 + i) for i in range(len(others))]


def build_vae(params: StandinParams, seed: int) -> AutoencoderKL:
    """An autoencoder with f = 4 and no attention, initialised as a blur (see ``blur_start``)."""
    from diffusers import AutoencoderKL

    torch.manual_seed(seed_of("vae", seed))
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=params.vae_channels,
        layers_per_block=1,
        latent_channels=params.latent_channels,
        norm_num_groups=params.vae_norm_groups,
        mid_block_add_attention=False,
    )
    return start_as_blur(vae)


def build_text_encoder(params: StandinParams, words: int, seed: int) -> CLIPTextModel:
    """A text encoder with random weights. It is never trained, since random vectors already distinguish words.

    Args:
        words: size of the tokenizer's vocabulary; its last two tokens mark start and end of a text.
    """
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(seed_of("text encoder", seed))
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=words,
            hidden_size=params.text_width,
            intermediate_size=2 * params.text_width,
            num_hidden_layers=params.text_layers,
            num_attention_heads=ENCODER_HEADS,
            max_position_embeddings=params.text_tokens,
            bos_token_id=words - 2,
            eos_token_id=words - 1,
        )
    )


def build_unet(params: StandinParams, seed: int) -> UNet2DConditionModel:
    """A text-to-image UNet with attention at every level but the first, where it is slowest on a CPU."""
    from diffusers import UNet2DConditionModel

    torch.manual_seed(seed_of("unet", seed))
    levels = len(params.unet_channels)
    return UNet2DConditionModel(
        in_channels=params.latent_channels,
        out_channels=params.latent_channels,
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * (levels - 1),
        up_block_types=("CrossAttnUpBlock2D",) * (levels - 1) + ("UpBlock2D",),
        block_out_channels=params.unet_channels,
        layers_per_block=params.unet_layers,
        cross_attention_dim=params.text_width,
        attention_head_dim=params.unet_heads,
        norm_num_groups=params.norm_groups,
    )


def image_tower(clip: CLIPModel) -> CLIPVisionModelWithProjection:
    """The image tower of a CLIP as a network of its own, with the same weights."""
    from transformers import CLIPVisionModelWithProjection

    tower = CLIPVisionModelWithProjection(clip.config.vision_config)
    tower.load_state_dict({name: clip.state_dict()[name] for name in tower.state_dict()})
    return tower


def build_clip(
    params: StandinParams, words: int, size: int, seed: int, name: str = "scoring clip", projection: int = 0
) -> tuple[CLIPModel, CLIPImageProcessor]:
    """A small CLIP, and its image processor at the model's size.

    Args:
        name: what its weights are drawn by.
        projection: width of the embeddings; 0: the towers' own.
    """
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    torch.manual_seed(seed_of(name, seed))
    shared = {
        "hidden_size": params.clip_width,
        "intermediate_size": 2 * params.clip_width,
        "num_hidden_layers": params.clip_layers,
        "num_attention_heads": ENCODER_HEADS,
        "projection_dim": projection or params.clip_width,
    }
    config = CLIPConfig(
        text_config={
            **shared,
            "vocab_size": words,
            "max_position_embeddings": params.text_tokens,
            "bos_token_id": words - 2,
            "eos_token_id": words - 1,
        },
        vision_config={**shared, "image_size": size, "patch_size": params.clip_patch},
        projection_dim=projection or params.clip_width,
    )
    processor = CLIPImageProcessor(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
    return CLIPModel(config), processor
