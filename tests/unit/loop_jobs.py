"""A small training that can be interrupted, for tests of the loop and of its checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.unit.tiny_models import CHECKPOINTS, TRAINING, randn
from tgvac.training.checkpoint import Identity
from tgvac.training.loop import StepLoss, Training, train
from tgvac.training.params import TrainingParams
from tgvac.training.run_params import CheckpointParams

KEY = "a run"
FILES = ("state.json", "model.safetensors", "ema.safetensors", "optimizer.safetensors", "events.jsonl")


def network() -> nn.Module:
    """Weights that don't depend on the global generator, one of them frozen."""
    module = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))
    with torch.no_grad():
        for i, parameter in enumerate(module.parameters()):
            parameter.copy_(0.3 * randn(*parameter.shape, seed=i))
    module[0].bias.requires_grad_(False)
    return module


def loss_of(module: nn.Module) -> Callable[[int], torch.Tensor]:
    return lambda step: (module(randn(5, 6, seed=step)) - randn(5, 2, seed=step + 1000)).square().mean()


def job(
    folder: Path,
    module: nn.Module,
    loss: Callable[[int], torch.Tensor] | None = None,
    key: str = KEY,
    params: TrainingParams = TRAINING,
    checkpoints: CheckpointParams = CHECKPOINTS,
) -> Training:
    by_step = loss or loss_of(module)
    identity = Identity(key)
    return Training("test", module, lambda step, rows: step, alone(by_step), params, checkpoints, identity, folder)


def alone(loss: Callable[[int], torch.Tensor]) -> Callable[[nn.Module, int], StepLoss]:
    """The loss of a whole batch, drawn by the step's number."""
    return lambda _, step: StepLoss(loss(step))


def stopped_at(step: int, module: nn.Module) -> Callable[[int], torch.Tensor]:
    """A loss that stops before a step, like a killed process."""

    def loss(now: int) -> torch.Tensor:
        if now == step:
            raise KeyboardInterrupt
        return loss_of(module)(now)

    return loss


def weights(module: nn.Module) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in module.state_dict().items()}


def straight(tmp_path: Path) -> tuple[dict[str, bytes], list[dict[str, float]]]:
    """A run that nothing interrupted."""
    module = network()
    events = train(job(tmp_path / "straight", module))
    return weights(module), events


def steps_kept(folder: Path) -> list[int]:
    return sorted(int(p.name.removeprefix("step-")) for p in folder.glob("*/step-*"))


def interrupted(folder: Path, step: int) -> None:
    module = network()
    with pytest.raises(KeyboardInterrupt):
        train(job(folder, module, stopped_at(step, module)))
