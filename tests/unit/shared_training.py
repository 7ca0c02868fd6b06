"""A training whose batch can be divided: rows are drawn by step and row. Also a program, for one of the processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from tests.unit.loop_jobs import network
from tests.unit.tiny_models import CHECKPOINTS, TRAINING, randn
from tgvac.bridge.processes import free_port
from tgvac.training.checkpoint import Identity
from tgvac.training.execution import Execution
from tgvac.training.loop import StepLoss, Training, train
from tgvac.training.params import TrainingParams
from tgvac.training.run_params import CheckpointParams

PARAMS = TRAINING.model_copy(update={"batch": 4})


def rows_of(step: int, rows: range) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs ``[B,6]`` and targets ``[B,2]``."""
    inputs = torch.stack([randn(6, seed=100 * step + i) for i in rows])
    return inputs, torch.stack([randn(2, seed=7000 + 100 * step + i) for i in rows])


def squares(module: nn.Module, given: tuple[torch.Tensor, torch.Tensor]) -> StepLoss:
    each = (module(given[0]) - given[1]).square().mean(1)
    return StepLoss(each.mean(), {"each": each.tolist()})


def divided(
    folder: Path,
    execution: Execution,
    params: TrainingParams = PARAMS,
    checkpoints: CheckpointParams = CHECKPOINTS,
) -> Training:
    identity = Identity("a run")
    return Training("test", network(), rows_of, squares, params, checkpoints, identity, folder, execution=execution)


def by_two(arguments: Sequence[str]) -> list[tuple[int, str, str]]:
    """Exit code and output of each of two processes of python that share a training."""
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    environment = {**os.environ, **address, "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, *arguments],
            cwd=Path(__file__).resolve().parents[2],
            env={**environment, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    try:
        ends = [process.communicate(timeout=120) for process in started]
    finally:
        for process in started:
            process.kill()
    return [(process.returncode, *end) for process, end in zip(started, ends, strict=True)]


if __name__ == "__main__":
    job = divided(Path(sys.argv[1]), Execution())
    print(json.dumps(train(job)))
