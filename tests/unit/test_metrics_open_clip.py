"""open_clip's models with QuickGELU give the embeddings of transformers' CLIP, on the same weights.

``metrics`` loads ``openai/clip-vit-large-patch14`` by transformers; others load the same weights by open_clip as
``ViT-L-14-quickgelu``. Here both have small networks of that kind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

from tests.unit.tiny_models import STANDIN, tokenizer
from tgvac.errors import BadInput
from tgvac.metrics.clip_score import embed, image_similarity, load_scoring_clip
from tgvac.metrics.clip_text import embed_text, load_text, text_similarity
from tgvac.models.cost.published import CLIP as PUBLISHED
from tgvac.models.small_networks import build_tokenizer

SIDE, PATCH, WIDTH, HEADS, LAYERS, EMBEDDING, HEAD = 32, 8, 128, 2, 3, 48, 64
LENGTH = 16


def weights_for_open_clip(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights of transformers' CLIP under open_clip's names, in its shapes."""
    out = {
        "visual.class_embedding": weights["vision_model.embeddings.class_embedding"],
        "visual.conv1.weight": weights["vision_model.embeddings.patch_embedding.weight"],
        "visual.positional_embedding": weights["vision_model.embeddings.position_embedding.weight"],
        "visual.proj": weights["visual_projection.weight"].T,
        "token_embedding.weight": weights["text_model.embeddings.token_embedding.weight"],
        "positional_embedding": weights["text_model.embeddings.position_embedding.weight"],
        "text_projection": weights["text_projection.weight"].T,
        "logit_scale": weights["logit_scale"],
    }
    # "pre_layrnorm" is how transformers spells it.
    norms = {
        "visual.ln_pre": "vision_model.pre_layrnorm",
        "visual.ln_post": "vision_model.post_layernorm",
        "ln_final": "text_model.final_layer_norm",
    }
    inner = {
        "ln_1": "layer_norm1",
        "ln_2": "layer_norm2",
        "mlp.c_fc": "mlp.fc1",
        "mlp.c_proj": "mlp.fc2",
        "attn.out_proj": "self_attn.out_proj",
    }
    for k in range(LAYERS):
        for ours, theirs in (("vision_model", "visual.transformer"), ("text_model", "transformer")):
            there, here = f"{theirs}.resblocks.{k}", f"{ours}.encoder.layers.{k}"
            norms |= {f"{there}.{name}": f"{here}.{other}" for name, other in inner.items()}
            for kind in ("weight", "bias"):
                thirds = [weights[f"{here}.self_attn.{part}_proj.{kind}"] for part in "qkv"]
                out[f"{there}.attn.in_proj_{kind}"] = torch.cat(thirds)
    for name, other in norms.items():
        out |= {f"{name}.{kind}": weights[f"{other}.{kind}"] for kind in ("weight", "bias")}
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP of random weights as transformers saves it. Drawn wide, so that activations are not all but linear."""
    folder, words = tmp_path_factory.mktemp("clip"), tokenizer()
    torch.manual_seed(0)
    tower = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_hidden_layers": LAYERS}
    tower |= {"num_attention_heads": HEADS, "projection_dim": EMBEDDING, "initializer_factor": 3.0}
    text = {"vocab_size": len(words), "max_position_embeddings": LENGTH}
    text |= {"bos_token_id": len(words) - 2, "eos_token_id": len(words) - 1}
    vision = {"image_size": SIDE, "patch_size": PATCH}
    config = CLIPConfig(text_config=tower | text, vision_config=tower | vision, projection_dim=EMBEDDING)
    processor = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    for part in (CLIPModel(config), processor, words):
        part.save_pretrained(folder)
    return folder


def in_open_clip(folder: Path, quick_gelu: bool) -> CLIP:
    """open_clip's model of the same shapes and weights."""
    vision = CLIPVisionCfg(image_size=SIDE, layers=LAYERS, width=WIDTH, patch_size=PATCH, head_width=HEAD)
    text = CLIPTextCfg(context_length=LENGTH, vocab_size=len(tokenizer()), width=WIDTH, heads=HEADS, layers=LAYERS)
    model: Any = CLIP(EMBEDDING, vision, text, quick_gelu=quick_gelu)
    there = weights_for_open_clip(CLIPModel.from_pretrained(folder).state_dict())
    missing = model.load_state_dict(there, strict=False)
    assert missing.unexpected_keys == []
    assert [key for key in missing.missing_keys if key != "attn_mask"] == []
    return model.eval()


def pictures(side: int = SIDE) -> np.ndarray:
    """Noisy squares on white, ``uint8 [F,side,side,3]``."""
    draw, half = np.random.default_rng(0), side // 2
    out_FHW3 = np.full((6, side, side, 3), 255, np.uint8)
    for picture_HW3 in out_FHW3:
        top, left = draw.integers(0, half, 2)
        picture_HW3[top : top + half, left : left + half] = draw.integers(0, 256, (half, half, 3))
    return out_FHW3


def embedded(model: CLIP, frames_FHW3: np.ndarray) -> np.ndarray:
    """Embeddings by open_clip, after its own preprocessing."""
    transform: Any = open_clip.image_transform(SIDE, is_train=False, interpolation="bicubic")
    with torch.no_grad():
        pixels = torch.stack([transform(Image.fromarray(frame_HW3)) for frame_HW3 in frames_FHW3])
        found: np.ndarray = model.encode_image(pixels, normalize=True).numpy()
    return found


def test_images_have_the_embeddings_of_open_clip_with_quick_gelu_and_not_without(folder: Path) -> None:
    encoder = load_scoring_clip(folder)
    ours_FD = embed(encoder, pictures(), 4)
    theirs_FD, other_FD = (embedded(in_open_clip(folder, quick), pictures()) for quick in (True, False))
    np.testing.assert_allclose(ours_FD, theirs_FD, atol=2e-5)
    assert np.abs(ours_FD - other_FD).max() > 1e-3, "plain GELU is another network"
    scores = [image_similarity(x_FD[:-1], x_FD[1:]) for x_FD in (ours_FD, theirs_FD)]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)
    # The cosine by numpy, from open_clip's embeddings.
    a_FD, b_FD = theirs_FD[:-1].astype(np.float64), theirs_FD[1:].astype(np.float64)
    cosine_F = (a_FD * b_FD).sum(axis=1) / np.linalg.norm(a_FD, axis=1) / np.linalg.norm(b_FD, axis=1)
    np.testing.assert_allclose(scores[0], cosine_F, atol=1e-5)
    assert scores[0].min() < 0.999, "random pictures must differ for the test to prove anything"


@pytest.mark.parametrize("side", [20, 48])
def test_pictures_of_another_size_are_resized_as_by_open_clip(folder: Path, side: int) -> None:
    ours_FD = embed(load_scoring_clip(folder), pictures(side), 4)
    np.testing.assert_allclose(ours_FD, embedded(in_open_clip(folder, True), pictures(side)), atol=2e-5)


def test_sentences_have_the_embeddings_of_open_clip(folder: Path) -> None:
    encoder = load_scoring_clip(folder)
    words = load_text(folder, encoder.model)
    assert words is not None
    texts = ("a brown dog", "a brown cat and a brown dog and a dog and a cat and a dog and a cat")
    model, reader = in_open_clip(folder, True), tokenizer()
    for text in texts:
        tokens = reader(text, truncation=True, max_length=LENGTH).input_ids
        assert len(tokens) <= LENGTH
        # open_clip finds the end of a text by its number, the largest, and pads with zeros.
        padded = torch.tensor([tokens + [0] * (LENGTH - len(tokens))])
        with torch.no_grad():
            theirs_D = model.encode_text(padded, normalize=True)[0].numpy()
        ours_D = embed_text(words, text)
        np.testing.assert_allclose(ours_D, theirs_D, atol=2e-5)
        images_FD = embed(encoder, pictures(), 4)
        wanted_F = images_FD.astype(np.float64) @ theirs_D.astype(np.float64)
        np.testing.assert_allclose(text_similarity(images_FD, ours_D), wanted_F, atol=2e-5)
    assert not np.allclose(embed_text(words, texts[0]), embed_text(words, texts[1]), atol=1e-3)


def test_the_paper_s_clip_is_the_registered_model_of_that_name() -> None:
    there, here = open_clip.get_model_config("ViT-L-14-quickgelu"), PUBLISHED["openai/clip-vit-large-patch14"]
    assert there is not None
    assert there["quick_gelu"]
    assert not (open_clip.get_model_config("ViT-L-14") or {}).get("quick_gelu")
    config = CLIPConfig(**here)
    vision, text = config.vision_config, config.text_config
    assert (vision.hidden_act, text.hidden_act) == ("quick_gelu", "quick_gelu")
    assert there["embed_dim"] == config.projection_dim
    found = {"layers": vision.num_hidden_layers, "width": vision.hidden_size, "patch_size": vision.patch_size}
    assert there["vision_cfg"] == {"image_size": vision.image_size, **found}
    assert vision.hidden_size // vision.num_attention_heads == CLIPVisionCfg().head_width == HEAD
    names = {"context_length": "max_position_embeddings", "width": "hidden_size", "layers": "num_hidden_layers"}
    names |= {"heads": "num_attention_heads", "vocab_size": "vocab_size"}
    assert there["text_cfg"] == {name: getattr(text, ours) for name, ours in names.items()}


def test_a_folder_without_a_vocabulary_has_no_text_and_a_foreign_one_is_refused(folder: Path, tmp_path: Path) -> None:
    encoder = load_scoring_clip(folder)
    assert load_text(tmp_path, encoder.model) is None
    build_tokenizer(STANDIN, ("many other words: zebra quagga okapi tapir",)).save_pretrained(tmp_path)
    with pytest.raises(BadInput, match=r"the tokenizer has \d+ tokens, and the text tower knows"):
        load_text(tmp_path, encoder.model)
    with pytest.raises(ValueError, match="do not fit"):
        text_similarity(np.zeros((2, 4), np.float32), np.zeros(5, np.float32))
