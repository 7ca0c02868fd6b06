"""The cost of a sentence by BLIP-2; its FLOPs are counted on ``meta`` tensors."""

from __future__ import annotations

from typing import Any

from tgvac.models.cost.networks import empty
from tgvac.models.cost.walk import META, forward_flops
from tgvac.params import Params

# huggingface.co/Salesforce/blip2-opt-2.7b: config.json, text_config; its image encoder is the default of transformers.
BLIP2: dict[str, dict[str, Any]] = {
    "Salesforce/blip2-opt-2.7b": {
        "hidden_size": 2560,
        "num_hidden_layers": 32,
        "ffn_dim": 10240,
        "num_attention_heads": 32,
        "word_embed_proj_dim": 2560,
    },
}


def blip2_sentence(params: Params) -> int | None:
    """FLOPs of one sentence of the maximal length, in all beams; None if the shapes of the model are not known."""
    from transformers import Blip2Config, Blip2ForConditionalGeneration, OPTConfig

    block = params.captions.blip2
    if block.model not in BLIP2:
        return None
    config = Blip2Config(text_config=OPTConfig(**BLIP2[block.model]).to_dict())
    with META:
        model = Blip2ForConditionalGeneration(config).eval()
    size, queries = config.vision_config.image_size, config.num_query_tokens
    encoding = forward_flops(lambda: model.vision_model(pixel_values=empty(1, 3, size, size)))
    patches = (size // config.vision_config.patch_size) ** 2 + 1
    seen = empty(1, patches, config.vision_config.hidden_size)
    asked = empty(1, queries, config.qformer_config.hidden_size)
    querying = forward_flops(lambda: model.qformer(query_embeds=asked, encoder_hidden_states=seen))
    # The language model gets the states of the queries, then one word at a time, in each beam.
    words = empty(1, queries + 1 + block.max_new_tokens, config.text_config.hidden_size)
    generating = forward_flops(lambda: model.language_model(inputs_embeds=words, use_cache=False))
    return encoding + querying + block.beams * generating
