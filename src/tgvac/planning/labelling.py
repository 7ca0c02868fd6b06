"""Sources, tracks, masks, recipes and captions: all that is made from footage before anything is trained.

The FLOPs of SAM, SAM 2 and BLIP-2 are counted on ``meta`` tensors, too. Of SAM and SAM 2 the image encoders count, and
of SAM 2 the memory attention; prompts and mask decoders are below a hundredth of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from tgvac.masks.params import MasksParams, Sam2Params
from tgvac.models.cost.networks import empty
from tgvac.models.cost.walk import META, forward_flops
from tgvac.params import Params
from tgvac.planning.counts import Counts, Footage, own_pairs
from tgvac.planning.evaluating import working_pixels
from tgvac.planning.reference import Costs
from tgvac.planning.work import Work

_CARRIED = {"davis": "full", "youtube_vos": "sparse", "lasot": "boxes", "videos": "first"}
"""The annotations that tracks of a layout have; the key of this name in the block ``masks`` is their segmenter."""
_SENTENCE_BYTES = 600
"""A sentence of about 300 characters, in its item and in the table."""
_RECIPE_BYTES = 300

# huggingface.co/facebook/sam-vit-{base,large,huge}: config.json, vision_config. Base is the default of transformers.
SAM: dict[str, dict[str, Any]] = {
    "facebook/sam-vit-base": {},
    "facebook/sam-vit-large": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "global_attn_indexes": [5, 11, 17, 23],
        "mlp_dim": 4096,
    },
    "facebook/sam-vit-huge": {
        "hidden_size": 1280,
        "num_hidden_layers": 32,
        "num_attention_heads": 16,
        "global_attn_indexes": [7, 15, 23, 31],
        "mlp_dim": 5120,
    },
}
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


def sources(params: Params, counts: Counts, costs: Costs) -> Iterator[Work]:
    """Archives, whose size no publisher states, and the pairs sorted into buckets."""
    world, size = params.sources.world, None
    if all(each.source.startswith("world") for each in counts.footage):
        size = round(counts.frames * world.height * world.width * costs.disk.jpeg)
    yield Work(
        "sources", "videos", counts.tracks, "objects", 0, size, note="" if size else "size of archives not published"
    )
    if counts.pairs:
        side = world.pair_size if own_pairs(params.sources) else params.framing.size
        pixels = costs.disk.png + costs.disk.object + 2 * costs.disk.mask
        size = round(counts.pairs * side * side * pixels)
        yield Work("sources", "pairs", counts.pairs, "pairs", 0, size, size)


def tracks(params: Params, counts: Counts, costs: Costs) -> Iterator[Work]:
    """Frames at working resolution."""
    pixel = (costs.disk.jpeg if params.tracks.codec == "jpeg" else costs.disk.png) + costs.disk.mask
    yield Work(
        "tracks",
        "at working resolution",
        counts.frames,
        "frames",
        0,
        round(counts.frames * working_pixels(params) * pixel),
    )


def masks(params: Params, counts: Counts, costs: Costs) -> Iterator[Work]:
    """One line per source, with the segmenter of its masks."""
    for each in counts.footage:
        carried = _CARRIED[each.layout]
        name = getattr(params.masks, carried)
        size = round(each.frames * working_pixels(params) * costs.disk.mask)
        flops, note = _segmenting(params.masks, carried, name, each)
        what, precision = f"{each.source} by {name}", _precision(params.masks, name)
        yield Work("masks", what, each.frames, "frames", flops, size, note=note, precision=precision)


def _precision(params: MasksParams, name: str) -> str:
    """The precision of a segmenter."""
    return {"sam": params.sam.precision, "sam2": params.sam2.precision}.get(name, "float32")


def _segmenting(params: MasksParams, carried: str, name: str, footage: Footage) -> tuple[int, str]:
    """FLOPs of a source's masks, and a note on them."""
    if name == "sam":
        found = sam_encoder(params.sam.weights)
        return (0, f"{params.sam.weights}: shapes not known") if found is None else (footage.frames * found, "")
    if name != "sam2":
        return 0, ""
    encoder, attention = sam2_costs(params.sam2)
    # Between two annotations SAM 2 tracks forwards and backwards: each frame is seen twice, on average with three
    # memories. Otherwise each frame is seen once, with the prompted frames and the six frames before it as memories.
    passes, memories = (2, 3) if carried == "sparse" else (1, 6 + (params.sam2.prompts if carried == "boxes" else 1))
    return footage.frames * passes * (encoder + attention(memories)), "one object at a time"


def sam_encoder(weights: str) -> int | None:
    """FLOPs of SAM's image encoder per frame; None if the shapes of the weights are not known."""
    from transformers import SamVisionConfig, SamVisionModel

    if weights not in SAM:
        return None
    config = SamVisionConfig(**SAM[weights])
    with META:
        model = SamVisionModel(config).eval()
    return forward_flops(lambda: model(pixel_values=empty(1, 3, config.image_size, config.image_size)))


def sam2_costs(params: Sam2Params) -> tuple[int, Callable[[int], int]]:
    """FLOPs of SAM 2's image encoder per frame, and a function of those of its attention to a number of memories."""
    from sam2.build_sam import build_sam2_video_predictor

    with META, _CountsOnCpu():
        # Built as in tgvac.masks.sam2_weights, but without weights; the image size follows from the input.
        predictor = build_sam2_video_predictor(f"configs/sam2.1/{params.model}.yaml", ckpt_path=None, device="meta")
    size, cells = params.image_size, (params.image_size // 16) ** 2
    encoder = forward_flops(lambda: predictor.image_encoder(empty(1, 3, size, size)))

    def attention(memories: int) -> int:
        seen = empty(cells, 1, predictor.hidden_dim)
        held = empty(memories * cells, 1, predictor.mem_dim)
        return forward_flops(lambda: predictor.memory_attention([seen], held, [seen], held, 0))

    return encoder, attention


class _CountsOnCpu(TorchFunctionMode):
    """Keeps ``torch.linspace`` on the CPU: SAM 2 reads its values while it is built, and ``meta`` tensors have none."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = dict(kwargs or {})
        if func is torch.linspace:
            named["device"] = "cpu"
        return func(*args, **named)


def select(counts: Counts) -> Iterator[Work]:
    """Stretches: a few numbers per track."""
    yield Work("select", "tracks", counts.tracks, "tracks", 0, counts.tracks * _RECIPE_BYTES)


def synthesis(counts: Counts) -> Iterator[Work]:
    """Recipes: one row each, no pixels."""
    frames = sum(recipe.frames for recipe in counts.recipes)
    yield Work(
        "synthesis", "recipes", len(counts.recipes), "videos", 0, len(counts.recipes) * _RECIPE_BYTES + 8 * frames
    )


def captioned_pairs(params: Params, counts: Counts) -> int:
    """Number of pairs with a sentence of their own."""
    return counts.pairs if params.captions.pairs == "captioned" else 0


def captions(params: Params, counts: Counts) -> Iterator[Work]:
    """Sentences: by BLIP-2 for every object and pair, unless sources or templates come first."""
    order = params.captions.order
    images = counts.tracks + captioned_pairs(params, counts)
    if "blip2" not in order:
        yield Work("captions", " then ".join(order), counts.tracks, "objects", 0, counts.tracks * _SENTENCE_BYTES)
        return
    note = "" if order[0] == "blip2" else f"at most: {order[0]} comes first"
    each = blip2_sentence(params)
    if each is None:
        each, note = 0, f"{params.captions.blip2.model}: shapes not known"
    yield Work(
        "captions",
        "BLIP-2",
        images,
        "images",
        images * each,
        images * _SENTENCE_BYTES,
        note=note,
        precision=params.captions.blip2.dtype,
    )


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
