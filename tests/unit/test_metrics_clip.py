"""CLIP features: preprocessed as CLIP prescribes, normalised, and compared frame by frame."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import CLIPConfig, CLIPModel

from tgvac.errors import BadInput
from tgvac.metrics.clip_score import (
    ImageEncoder,
    embed,
    image_similarity,
    load_scoring_clip,
    preprocess,
    temporal_consistency,
)

MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]


def write_scoring_clip(folder: Path, **preprocessing: Any) -> Path:
    """A CLIP of random weights, 32 pixels, as transformers and OpenAI's repository lay it out."""
    torch.manual_seed(0)
    tower = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {**tower, "vocab_size": 64, "max_position_embeddings": 8}
    text |= {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    vision = {**tower, "image_size": 32, "patch_size": 8}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=12)).save_pretrained(folder)
    config = {"size": 32, "crop_size": 32, "resample": 3, "image_mean": MEAN, "image_std": STD, **preprocessing}
    (folder / "preprocessor_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> ImageEncoder:
    return load_scoring_clip(write_scoring_clip(tmp_path_factory.mktemp("scoring_clip")))


def frames(count: int, height: int = 48, width: int = 48, seed: int = 0) -> NDArray[np.uint8]:
    """Blocks of colour on white, so that resizing meets hard edges; uint8 [F,H,W,3]."""
    draw = np.random.Generator(np.random.PCG64(seed))
    out_FHW3 = np.full((count, height, width, 3), 255, np.uint8)
    for image_HW3 in out_FHW3:
        for _ in range(4):
            top, left = draw.integers(0, height - 12), draw.integers(0, width - 12)
            image_HW3[top : top + 12, left : left + 12] = draw.integers(0, 256, 3)
    return out_FHW3


@pytest.mark.parametrize(("height", "width"), [(48, 48), (64, 48), (40, 90), (20, 20), (32, 32)])
def test_images_are_resized_cropped_and_normalised_as_with_pillow(
    encoder: ImageEncoder, height: int, width: int
) -> None:
    image_HW3 = frames(1, height, width)[0]
    short = min(height, width)
    size = (width * 32 // short, height * 32 // short)
    resized = Image.fromarray(image_HW3).resize(size, Image.Resampling.BICUBIC)
    left, top = (size[0] - 32) // 2, (size[1] - 32) // 2
    expected_HW3 = np.asarray(resized.crop((left, top, left + 32, top + 32)), np.float64)
    found_HW3 = preprocess(encoder, image_HW3[None])[0].permute(1, 2, 0).double().numpy()
    levels_HW3 = (found_HW3 * STD + MEAN) * 255
    np.testing.assert_allclose(levels_HW3, expected_HW3, atol=1e-3)
    assert levels_HW3.min() > -1e-3
    assert levels_HW3.max() < 255 + 1e-3


def test_embeddings_are_the_projected_features_of_the_model(encoder: ImageEncoder) -> None:
    images_FHW3 = frames(3)
    found_FD = embed(encoder, images_FHW3, batch=2)
    with torch.no_grad():
        whole: Any = encoder.model(
            input_ids=torch.tensor([[1, 5, 2]]), pixel_values=preprocess(encoder, images_FHW3), return_dict=True
        )
    np.testing.assert_allclose(found_FD, whole.image_embeds.numpy(), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found_FD, axis=1), 1, atol=1e-6)
    assert found_FD.dtype == np.float32
    assert found_FD.shape == (3, 12)


def test_batches_do_not_change_embeddings(encoder: ImageEncoder) -> None:
    images_FHW3 = frames(5)
    one_FD = embed(encoder, images_FHW3, batch=1)
    np.testing.assert_allclose(embed(encoder, images_FHW3, batch=3), one_FD, atol=1e-6)
    assert embed(encoder, images_FHW3[:0], batch=3).shape == (0, 12)


def test_a_video_is_most_similar_to_itself(encoder: ImageEncoder) -> None:
    a_FD, b_FD = embed(encoder, frames(4), 4), embed(encoder, frames(4, seed=9), 4)
    np.testing.assert_allclose(image_similarity(a_FD, a_FD), 1, atol=1e-6)
    assert (image_similarity(a_FD, b_FD) < 1).all()
    assert image_similarity(a_FD, b_FD).dtype == np.float64


def test_similarity_is_the_cosine() -> None:
    a_FD = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    b_FD = np.array([[0, 1], [0.8, 0.6], [0, -1]], np.float32)
    np.testing.assert_allclose(image_similarity(a_FD, b_FD), [0, 0.96, -1], atol=1e-6)


def test_consistency_compares_each_frame_with_the_one_before() -> None:
    a_FD = np.array([[1, 0], [1, 0], [0.6, 0.8], [-0.6, -0.8]], np.float32)
    np.testing.assert_allclose(temporal_consistency(a_FD), [1, 0.6, -1], atol=1e-6)
    assert temporal_consistency(a_FD[:1]).shape == (0,)
    with pytest.raises(ValueError, match="without frames"):
        temporal_consistency(a_FD[:0])


def test_embeddings_that_are_not_of_length_one_are_refused() -> None:
    with pytest.raises(ValueError, match="length 1"):
        image_similarity(np.array([[2.0, 0]], np.float32), np.array([[1.0, 0]], np.float32))
    with pytest.raises(ValueError, match="one shape"):
        image_similarity(np.eye(2, dtype=np.float32), np.eye(3, dtype=np.float32))


def test_both_spellings_of_a_size_are_read(tmp_path: Path) -> None:
    new = write_scoring_clip(tmp_path, size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32})
    encoder = load_scoring_clip(new)
    assert (encoder.resize, encoder.crop) == (40, 32)
    assert embed(encoder, frames(1), 1).shape == (1, 12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"resample": 2},
        {"crop_size": {"height": 32, "width": 16}},
        {"image_mean": [0.5]},
        {"size": {"longest_edge": 32}},
    ],
)
def test_preprocessing_that_is_not_supported_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"preprocessor_config\.json"):
        load_scoring_clip(write_scoring_clip(tmp_path, **wrong))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"config\.json does not exist"):
        load_scoring_clip(tmp_path)


def test_frames_that_are_not_bytes_are_refused(encoder: ImageEncoder) -> None:
    with pytest.raises(ValueError, match="uint8"):
        embed(encoder, np.zeros((1, 32, 32, 3), np.float32), 1)
    with pytest.raises(ValueError, match="batch"):
        embed(encoder, frames(1), 0)
