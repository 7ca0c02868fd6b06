"""`make bench-memory`: the memory of a training by the project's own loop, beside what the walk over shapes says.

Each row is a process that trains a network of some 35 million numbers for two steps on the CPU; its peak is read from
Linux' /proc, without what the process held before the network was built.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from benchmarks.figures import ROOT, Figure, tell
from tgvac.devices import pin
from tgvac.models.backbones_params import BackbonesParams
from tgvac.models.cost.memory import Choices, memory_of
from tgvac.models.cost.networks import Networks
from tgvac.models.frame_unet import extend_conv_in
from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.motion_unet import inflate
from tgvac.models.noise_models import frame_noise_model, video_noise_model
from tgvac.models.small_networks import build_unet
from tgvac.params import load_params
from tgvac.training.checkpoint import Identity
from tgvac.training.execution import Execution
from tgvac.training.loop import StepLoss, Training, train
from tgvac.training.params import TrainingParams
from tgvac.training.run_params import CheckpointParams

PLAIN = Choices(4)
SMALL = replace(PLAIN, accumulation=4, checkpointing=True, optimizer="adafactor", ema=False)
ROWS = {
    "frame, as the params say": ("frame", PLAIN),
    "frame, small GPU": ("frame", SMALL),
    "motion, as the params say": ("motion", PLAIN),
    "motion, small GPU": ("motion", SMALL),
}
SIZE, FRAMES, WORDS = 128, {"frame": 1, "motion": 4}, 12
LEAST, MOST = 0.95, 1.15
"""Of measured / computed: convolutions on a CPU copy their input for a while, and the allocator rounds."""


def shapes() -> tuple[BackbonesParams, MotionModuleParams, TrainingParams]:
    """A large stand-in's backbones, the paper's motion modules, and how it is trained."""
    params = load_params(ROOT, "paper")
    large = {"unet_channels": (192, 384), "unet_heads": 8, "norm_groups": 32, "text_tokens": WORDS}
    standin = params.backbones.standin.model_copy(update=large)
    two = {"steps": 2, "batch": PLAIN.batch}
    return (
        params.backbones.model_copy(update={"origin": "train", "standin": standin}),
        params.motion_module,
        params.frame.model_copy(update=two),
    )


def held(name: str) -> int:
    """An entry of this process in ``/proc``, in bytes."""
    found = re.search(name + r":\s+(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"/proc/self/status has no {name}")
    return 1024 * int(found[1])


def training(stage: str, choices: Choices, small: bool, folder: Path) -> None:
    """Two steps of the project's loop; ``small`` takes a very small network."""
    backbones, module, params = shapes()
    standin = backbones.standin
    if small:
        standin = standin.model_copy(update={"unet_channels": (32, 64)})
    network: Any = extend_conv_in(build_unet(standin, 0))
    if stage == "motion":
        network = inflate(network, module)
    if choices.checkpointing:
        network.enable_gradient_checkpointing()
    as_model = frame_noise_model if stage == "frame" else video_noise_model
    side, frames, channels = SIZE // 4, FRAMES[stage], standin.latent_channels

    def loss(trained: Any, rows: range) -> StepLoss:
        count = len(rows)
        given = torch.randn(count, 3 * channels, frames, side, side)
        made = as_model(trained)(given, torch.zeros(count).long(), torch.randn(count, WORDS, standin.text_width))
        return StepLoss(functional.mse_loss(made, torch.randn(count, channels, frames, side, side)))

    params = params.model_copy(update={"optimizer": choices.optimizer, "ema": params.ema if choices.ema else 0.0})
    execution = Execution("cpu", "float32", choices.micro_batch, choices.checkpointing)
    checkpoints = CheckpointParams(every=1000, seconds=0, keep=1, log_every=1000)
    identity = Identity("memory")
    job = Training(
        stage, network, lambda step, rows: rows, loss, params, checkpoints, identity, folder, execution=execution
    )
    # Stopped before the last step is saved, since saving needs memory of its own.
    train(replace(job, watch=_stop, watch_every=params.steps))


class _Trained(Exception):
    pass


def _stop(step: int, folder: Path) -> None:
    raise _Trained


def child(row: str) -> int:
    """Train in this process; prints its peak memory in bytes."""
    stage, choices = ROWS[row]
    pin(1)
    with tempfile.TemporaryDirectory() as folder:
        for number, small in enumerate((True, False)):
            # First with a small network, so that libraries are loaded and have their buffers.
            if not small:
                before = held("VmRSS")
                Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
            try:
                training(stage, choices, small, Path(folder) / str(number))
            except _Trained:
                continue
    print(json.dumps(held("VmHWM") - before))
    return 0


def computed(row: str) -> int:
    """The bytes that the plan computes."""
    stage, choices = ROWS[row]
    backbones, module, _ = shapes()
    networks = Networks(backbones, module, SIZE)
    network: Any = networks.frame_unet if stage == "frame" else networks.video_unet
    loss_of = partial(networks.noise_loss, stage, frames=FRAMES[stage])
    return memory_of(network, loss_of, choices, {"adamw": 8.0}).sum


def measured(row: str) -> int:
    """The bytes that a process uses. Each tensor has its own pages, which are returned to the kernel."""
    surroundings = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, "-m", "benchmarks.memory", "--child", row]
    done = subprocess.run(command, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, text=True, check=True)
    return int(json.loads(done.stdout.splitlines()[-1]))


def figures(row: str) -> Iterator[Figure]:
    """The computed and the measured memory of a row, and their ratio."""
    said, real = computed(row), measured(row)
    yield Figure(f"{row}, computed", said / 2**20, "MiB")
    yield Figure(f"{row}, measured", real / 2**20, "MiB")
    yield Figure(f"{row}, measured / computed", real / said, "x", at_least=LEAST)
    yield Figure(f"{row}, the same", real / said, "x", at_most=MOST)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", help="measure this row in this process")
    parser.add_argument("--row", action="append", choices=list(ROWS), help="measure only these rows")
    given = parser.parse_args()
    if given.child:
        return child(given.child)
    return tell("memory", chain.from_iterable(figures(row) for row in given.row or ROWS))


if __name__ == "__main__":
    sys.exit(main())
