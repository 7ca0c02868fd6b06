"""A tiny random BLIP-2 of the real classes, saved like the models on the hub."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2Processor,
    Blip2QFormerConfig,
    Blip2VisionConfig,
    BlipImageProcessor,
    OPTConfig,
    PreTrainedTokenizerFast,
)

WORDS = ["red", "blue", "dog", "fish", "cat", "on", "grass", "runs", "sits", "small", "old", "striped"]


def tokenizer() -> PreTrainedTokenizerFast:
    """A dozen words; like those of OPT, texts begin and end with ``</s>``."""
    vocabulary = {word: i for i, word in enumerate(["<pad>", "<s>", "</s>", *WORDS])}
    words = Tokenizer(WordLevel(vocabulary, unk_token="</s>"))
    words.pre_tokenizer = Whitespace()
    words.post_processor = TemplateProcessing(single="</s> $A", special_tokens=[("</s>", 2)])
    return PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="</s>", eos_token="</s>", unk_token="</s>", pad_token="<pad>"
    )


def save_tiny_blip2(folder: Path, seed: int = 0, safe: bool = True) -> Path:
    """Save a model and a processor; returns the folder."""
    torch.manual_seed(seed)
    processor = Blip2Processor(BlipImageProcessor(size={"height": 16, "width": 16}), tokenizer(), num_query_tokens=3)
    vocabulary = len(processor.tokenizer)
    config = Blip2Config(
        vision_config=Blip2VisionConfig(
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=16,
            patch_size=8,
        ).to_dict(),
        qformer_config=Blip2QFormerConfig(
            vocab_size=8,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=16,
            encoder_hidden_size=16,
            max_position_embeddings=8,
        ).to_dict(),
        text_config=OPTConfig(
            vocab_size=vocabulary,
            hidden_size=16,
            num_hidden_layers=1,
            ffn_dim=16,
            num_attention_heads=2,
            max_position_embeddings=64,
            word_embed_proj_dim=16,
            pad_token_id=0,
            bos_token_id=2,
            eos_token_id=2,
        ).to_dict(),
        num_query_tokens=3,
        image_token_index=processor.tokenizer.convert_tokens_to_ids("<image>"),
    )
    model = Blip2ForConditionalGeneration(config).eval()
    # With the usual scale, random weights give the same output for all images.
    with torch.no_grad():
        for number, value in enumerate(model.parameters()):
            if value.ndim > 1:
                noise = torch.randn(value.shape, generator=torch.Generator().manual_seed(1000 * seed + number))
                value.copy_(noise * 2 / value[0].numel() ** 0.5)
        model.language_projection.weight.mul_(8)
    if safe:
        model.save_pretrained(folder)
    else:
        model.config.save_pretrained(folder)
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    processor.save_pretrained(folder)
    return folder
