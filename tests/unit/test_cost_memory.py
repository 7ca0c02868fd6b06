"""Estimated memory of a training, against real optimizers and against the peak of a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.unit.test_cost_walk import PAPER_MODULE, backbones
from tests.unit.tiny_models import MOTION_MODULE, STANDIN
from tgvac.models.cost.memory import Choices, factored, memory_of
from tgvac.models.cost.networks import Networks, empty
from tgvac.models.cost.walk import META, parameters_of

STATE = {"adamw": 8.0, "adamw8bit": 2.03125}
MIB = 2**20


def real_model() -> nn.Module:
    return nn.Sequential(nn.Conv2d(4, 6, 3), nn.Flatten(), nn.Linear(6 * 4, 10))


def real_state(optimizer: torch.optim.Optimizer, model: nn.Module) -> int:
    """Bytes of an optimizer's state after a step, counters left out."""
    torch.autograd.backward(model(torch.ones(1, 4, 4, 4)).sum())
    optimizer.step()
    tensors = [t for state in optimizer.state.values() for name, t in state.items() if name != "step"]
    return sum(t.numel() * t.element_size() for t in tensors)


def walked(choices: Choices) -> Any:
    with META:
        model = real_model()
    return memory_of(model, lambda batch: lambda: model(empty(batch, 4, 4, 4)).sum(), choices, STATE)


def test_an_optimizer_s_state_is_what_the_real_one_keeps() -> None:
    model = real_model()
    assert walked(Choices(1)).optimizer == real_state(torch.optim.AdamW(model.parameters()), model)
    model = real_model()
    adafactor = walked(Choices(1, optimizer="adafactor")).optimizer
    assert adafactor == real_state(torch.optim.Adafactor(model.parameters()), model)
    assert adafactor == 4 * sum(factored(tuple(p.shape)) for p in model.parameters())


def test_parameters_gradients_and_average_are_four_bytes_a_number() -> None:
    numbers = sum(p.numel() for p in real_model().parameters())
    memory = walked(Choices(1))
    assert (memory.parameters, memory.gradients, memory.ema) == (4 * numbers,) * 3
    assert memory.sum == 4 * numbers * 3 + memory.optimizer + memory.activations
    assert walked(Choices(1, ema=False)).ema == 0


def test_only_trained_modules_have_gradients_and_state() -> None:
    networks = Networks(backbones(origin="train"), MOTION_MODULE, 32)
    video, loss_of = networks.video_unet, partial(networks.noise_loss, "motion", frames=2)
    memory = memory_of(video, loss_of, Choices(1), STATE, beside=[networks.vae])
    trained = parameters_of(video).trained
    assert 0 < trained < parameters_of(video).all
    assert (memory.gradients, memory.optimizer, memory.ema) == (4 * trained, 8 * trained, 4 * trained)
    assert memory.parameters == 4 * (parameters_of(video).all + parameters_of(networks.vae).all)


def test_gradient_accumulation_needs_the_memory_of_one_micro_batch() -> None:
    networks = Networks(backbones(origin="train"), MOTION_MODULE, 32)
    loss_of = partial(networks.noise_loss, "frame", frames=1)
    parts, whole, one = (
        memory_of(networks.frame_unet, loss_of, choices, STATE).activations
        for choices in (Choices(64, accumulation=16), Choices(64), Choices(4))
    )
    assert one <= parts < whole / 8


def test_a_fused_step_has_no_temporary_tensors() -> None:
    numbers = sum(p.numel() for p in real_model().parameters())
    largest = max(p.numel() for p in real_model().parameters())
    fused, apart, together = (walked(Choices(1, passes=passes)) for passes in ("fused", "apart", "together"))
    assert together.activations == 4 * numbers
    assert apart.activations == max(4 * largest, fused.activations)
    assert fused.activations < together.activations
    assert walked(Choices(1, optimizer="adafactor")).activations == apart.activations, "it knows one way only"


def test_more_micro_batches_than_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="accumulation 3 is not between 1 and the batch of 2"):
        Choices(2, accumulation=3)


# A UNet of some 30 million numbers, for which a step on a CPU takes seconds.
LARGE = STANDIN.model_copy(update={"unet_channels": (192, 384), "unet_heads": 8, "norm_groups": 32, "text_width": 64})
SIZE = 128
TRAINING = """
import json, re, sys, torch
from contextlib import nullcontext
from pathlib import Path
from torch.nn import functional
from tgvac.models.frame_unet import extend_conv_in
from tgvac.models.backbones_params import StandinParams
from tgvac.models.small_networks import build_unet

asked = json.loads(sys.argv[1])
torch.set_num_threads(1)
shapes = StandinParams.model_validate_json(asked["shapes"])

def kib(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def step(unet, batch, side):
    out = unet(torch.randn(batch, 12, side, side), torch.zeros(batch).long(), torch.randn(batch, 12, 64)).sample
    functional.mse_loss(out, torch.randn(batch, 4, side, side)).backward()

# Once in small, so that libraries are loaded and their own buffers made.
small = shapes.model_copy(update={"unet_channels": (32, 64)})
step(extend_conv_in(build_unet(small, 0)), 1, 8)
before = kib("VmRSS")
unet = extend_conv_in(build_unet(shapes, 0)).train()
if asked["checkpointing"]:
    unet.enable_gradient_checkpointing()
trained = list(unet.parameters())
average = [p.detach().clone() for p in trained] if asked["ema"] else []
optimizer = torch.optim.AdamW(trained, fused=asked["passes"] == "fused", foreach=asked["passes"] == "together")
for number in range(2):
    if number == 1:
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak: it must be of a step with state
    optimizer.zero_grad(set_to_none=True)
    for part in range(asked["accumulation"]):
        step(unet, asked["batch"] // asked["accumulation"], asked["side"])
    optimizer.step()
print(json.dumps({"bytes": 1024 * (kib("VmHWM") - before), "numbers": sum(p.numel() for p in trained)}))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="a process's peak is read from Linux' /proc")
@pytest.mark.parametrize(
    "choices",
    [
        Choices(4, passes="apart"),
        Choices(4, accumulation=2, checkpointing=True, ema=False),
    ],
    ids=["a parameter at a time", "fused, checkpointing in two parts without an average"],
)
def test_a_real_step_takes_as_much_memory_as_the_walk_says(choices: Choices) -> None:
    networks = Networks(backbones(origin="train", standin=LARGE), PAPER_MODULE, SIZE)
    loss_of = partial(networks.noise_loss, "frame", frames=1)
    memory = memory_of(networks.frame_unet, loss_of, choices, STATE)
    asked = {**vars(choices), "shapes": LARGE.model_dump_json(), "side": networks.latent[1]}
    # Each tensor gets pages of its own and gives them back, so that the process is as large as its tensors.
    surroundings = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    done = subprocess.run(
        [sys.executable, "-c", TRAINING, json.dumps(asked)],
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    real = json.loads(done.stdout)
    assert real["numbers"] == parameters_of(networks.frame_unet).all
    # Convolutions on a CPU copy their input into another order for a while, and the allocator rounds.
    assert memory.sum * 0.97 < real["bytes"] < memory.sum * 1.12, f"{real['bytes'] / MIB:.0f} of {memory.sum / MIB:.0f}"
