"""`make bench-train` at the smallest shapes: cached and encoded batches are equal, and every figure is measured."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.train import both, check_same, large, small
from benchmarks.train_settings import Setting
from tests.unit.tiny_models import CONDITIONS, DIFFUSION, TRAINING, backbones, unet_12, video_unet
from tgvac.models.noise_models import frame_noise_model, video_noise_model


@pytest.fixture(autouse=True)
def pinned() -> Any:
    """Undo the pinning of the benchmarks after each test."""
    yield
    torch.use_deterministic_algorithms(False)


def setting(frames: int) -> Setting:
    params = TRAINING.model_copy(update={"clip_frames": frames, "batch": 2})
    module, as_model = (unet_12(), frame_noise_model) if frames == 1 else (video_unet(), video_noise_model)
    return Setting("it", backbones(), module, as_model, params, CONDITIONS, DIFFUSION, 32, 1, 2_000_000, 3_000_000)


@pytest.mark.parametrize("frames", [1, 3])
def test_encoded_pictures_give_the_batch_of_the_cache(tmp_path: Path, frames: int) -> None:
    ways = both(setting(frames), tmp_path, 3)
    for step in range(3):
        one, other = ways.cached(step, range(2)), ways.encoded(step, range(2))
        check_same(one, other)
        assert torch.equal(one.z_BcFhw, other.z_BcFhw)
    assert one.z_BcFhw.shape == (2, 4, frames, 8, 8)
    with pytest.raises(ValueError, match="from the cache differs"):
        check_same(one, ways.cached(7, range(2)))


def test_a_small_stage_is_measured_through_the_loop(tmp_path: Path) -> None:
    figures = {f.what.removeprefix("it: "): f for f in small(partial(setting, 1), tmp_path, 2, 1)}
    assert figures["waiting for data"].at_most == figures["outside of passes and optimizer"].at_most == 0.05
    assert 0 < figures["waiting for data"].value <= figures["outside of passes and optimizer"].value < 1
    steps = figures["step that encodes"].value / figures["step from the cache"].value
    assert figures["encodes / from the cache"].value == pytest.approx(steps)
    assert figures["encodes / from the cache"].bar is None
    assert figures["the same in FLOPs"].value == 2.5
    rate = figures["product of matrices"].value * 1e9
    assert figures["model FLOPs utilisation"].value == pytest.approx(2e6 / figures["step from the cache"].value / rate)


def test_a_large_stage_is_measured_with_gradients_freed_at_once(tmp_path: Path) -> None:
    built: list[Setting] = []

    def build() -> Setting:
        built.append(setting(1))
        return built[-1]

    figures = {f.what.removeprefix("it: "): f for f in large(build, tmp_path, 2)}
    assert figures["encodes / from the cache"].at_least == 1.6
    assert 0 < figures["optimizer"].value < 1
    assert figures["peak memory"].value > 0.1
    module, fresh = built[0].module, unet_12()
    assert all(parameter.grad is None for parameter in module.parameters())
    moved = [not torch.equal(a, b) for a, b in zip(module.parameters(), fresh.parameters(), strict=True)]
    assert all(moved), "every weight has changed"
