"""Weights of SAM 2: read safely, of the published sizes, and refused if they do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.unit.mask_videos import H, W
from tests.unit.sam_models import sam2_params, save_sam2
from tgvac.errors import BadInput
from tgvac.masks.runtime import HERE, Runtime
from tgvac.masks.sam2_weights import build, load_sam2, read_tensors, weights_file

EMPTY = np.zeros((H, W), np.uint8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = save_sam2(tmp_path_factory.mktemp("sam2") / "sam2.pt")
    yield path
    load_sam2.cache_clear()
    path.unlink()


def test_weights_are_read_from_pt_and_from_safetensors_alike(tmp_path: Path, weights: Path) -> None:
    tensors = read_tensors(weights)
    assert all(isinstance(value, torch.Tensor) for value in tensors.values())
    save_file(tensors, tmp_path / "w.safetensors")
    again = read_tensors(tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").unlink()
    assert tensors.keys() == again.keys()
    assert all(torch.equal(tensors[name], again[name]) for name in tensors)
    predictor, _ = load_sam2(sam2_params(weights), HERE)
    assert not any(p.requires_grad for p in predictor.parameters())
    name = "sam_prompt_encoder.no_mask_embed.weight"
    assert torch.equal(predictor.state_dict()[name], tensors[name].float())


def test_a_name_that_is_neither_a_file_nor_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"'facebook/sam2\.1-hiera-lrge' is neither a file below .* nor a known name of"):
        weights_file(sam2_params("facebook/sam2.1-hiera-lrge"), Runtime(tmp_path))


def test_weights_that_cannot_be_fetched_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BadInput, match=r"'facebook/sam2\.1-hiera-tiny' cannot be fetched \(.*need no weights"):
        weights_file(sam2_params("facebook/sam2.1-hiera-tiny", revision="none"), Runtime(tmp_path))


def test_a_checkpoint_of_another_size_is_refused(weights: Path) -> None:
    known = sam2_params(weights, model="sam2.1_hiera_s")
    with pytest.raises(
        BadInput, match=r"does not fit masks\.sam2\.model 'sam2\.1_hiera_s': \d+ tensors differ \(the fir"
    ):
        load_sam2(known, HERE)


class Malicious:
    """A pickle that writes a file when it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("what", ["pickle", "text", "cut", "numbers", "safetensors"])
def test_a_file_that_is_not_a_checkpoint_is_refused_and_runs_nothing(tmp_path: Path, what: str) -> None:
    path = tmp_path / ("w.safetensors" if what == "safetensors" else "w.pt")
    if what == "pickle":
        torch.save({"model": Malicious(tmp_path / "mark")}, path)
    elif what == "numbers":
        torch.save({"model": {"a": 1}}, path)
    elif what == "cut":
        torch.save({"model": {"a": torch.zeros(5000)}}, path)
        path.write_bytes(path.read_bytes()[:3000])
    else:
        path.write_text("no weights")
    with pytest.raises(BadInput, match=r"cannot be read safely as a checkpoint of SAM 2 \(.*fetch the published file"):
        read_tensors(path)
    assert not (tmp_path / "mark").exists()


def test_a_gpu_that_is_not_there_is_refused(weights: Path) -> None:
    with pytest.raises(BadInput, match=r"Device 'cuda:63' is not there: torch can use \d+ GPUs of this machine"):
        load_sam2(sam2_params(weights), Runtime(device="cuda:63"))


@pytest.mark.parametrize(
    ("model", "millions"),
    [("sam2.1_hiera_t", 38.9), ("sam2.1_hiera_s", 46.0), ("sam2.1_hiera_b+", 80.8), ("sam2.1_hiera_l", 224.4)],
)
def test_each_model_has_the_published_size(model: str, millions: float) -> None:
    predictor = build(sam2_params("none", model=model, image_size=1024, prompts=3))
    assert sum(p.numel() for p in predictor.parameters()) / 1e6 == pytest.approx(millions, abs=0.1)
    assert (predictor.image_size, predictor.max_cond_frames_in_attn) == (1024, 3)
