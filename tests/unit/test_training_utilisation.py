"""Model FLOPs utilisation: FLOPs are counted on the network that trains, and the device's rate is measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from tests.unit.counted_flops import counting
from tests.unit.shared_training import divided
from tests.unit.tiny_models import CPU, DIFFUSION, randn, unet_12, video_unet
from tgvac.models.layouts import FRAME_MASK
from tgvac.models.noise_models import NoiseModel, as_epsilon_model, frame_noise_model, video_noise_model
from tgvac.training.execution import Execution
from tgvac.training.loop import train
from tgvac.training.objective import Batch
from tgvac.training.speed import Work
from tgvac.training.utilisation import gemm_rate, sample_flops


def one(frames: int) -> Batch:
    """A batch of one clip."""
    latents = [randn(1, 4, frames, 8, 8, seed=k) for k in range(4)]
    return Batch(latents[0], latents[1], latents[2], randn(1, 12, 16), latents[3], torch.tensor([500]), FRAME_MASK)


@pytest.mark.parametrize(
    ("unet", "as_model", "frames"),
    [
        (unet_12, frame_noise_model, 1),
        (video_unet, video_noise_model, 3),
        (lambda: video_unet(block="paper"), video_noise_model, 3),
    ],
    ids=["frame", "animatediff", "paper"],
)
@pytest.mark.parametrize("prediction", ["epsilon", "v"])
def test_the_flops_of_a_step_are_the_sum_over_its_layers(
    unet: Callable[[], Any], as_model: Callable[[Any], NoiseModel], frames: int, prediction: str
) -> None:
    module, given = unet(), one(frames)
    as_model = as_epsilon_model(as_model, DIFFUSION.model_copy(update={"prediction": prediction}))
    with counting(module) as by_hand:
        x = FRAME_MASK.stack(given.z_BcFhw, given.frame_BcFhw, given.mask_BcFhw)
        functional.mse_loss(as_model(module)(x, given.t_B, given.text_BND), given.noise_BcFhw).backward()
    expected = by_hand.forward + by_hand.backward
    module.zero_grad(set_to_none=True)
    assert sample_flops(module, as_model, given) == pytest.approx(expected, rel=1e-9)


def test_counting_leaves_weights_gradients_mode_and_checkpointing_as_they_were() -> None:
    module = video_unet(block="paper")
    before = {name: value.clone() for name, value in module.state_dict().items()}
    plain = sample_flops(module, video_noise_model, one(3))
    module.enable_gradient_checkpointing()
    assert sample_flops(module, video_noise_model, one(3)) == plain, "a second forward pass does not count"
    assert module.is_gradient_checkpointing
    assert not module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())


def test_the_rate_is_that_of_a_product_of_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(100))
    monkeypatch.setattr("tgvac.training.utilisation.time.perf_counter", lambda: float(next(clock)))
    assert gemm_rate(CPU) == 2 * 1024**3


def test_measuring_draws_no_number_of_the_global_generator() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    assert gemm_rate(CPU) > 0
    assert torch.equal(torch.rand(1), expected)


def test_utilisation_is_written_with_the_speed_if_the_work_is_known(tmp_path: Path) -> None:
    known, unknown = divided(tmp_path / "known", Execution()), divided(tmp_path / "unknown", Execution())
    object.__setattr__(known, "work", lambda: Work(flops=6e6, rate=3e9))
    for job in (known, unknown):
        train(job)
    for line in map(json.loads, known.speed.read_text().splitlines()):
        assert line["model_flops_a_second"] == pytest.approx(6e6 / line["seconds_a_step"])
        assert line["model_flops_utilisation"] == pytest.approx(6e6 / line["seconds_a_step"] / 3e9)
        assert line["waiting_share"] <= line["outside_share"] < 1
    assert "model_flops_utilisation" not in unknown.speed.read_text()


def test_a_finished_training_measures_nothing(tmp_path: Path) -> None:
    first, again = divided(tmp_path, Execution()), divided(tmp_path, Execution())
    asked: list[int] = []

    def work() -> Work:
        asked.append(1)
        return Work(1.0, 1.0)

    for job in (first, again):
        object.__setattr__(job, "work", work)
        train(job)
    assert asked == [1]
