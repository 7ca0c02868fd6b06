"""The real size: Stable Diffusion 1.5's networks with random weights, through the workflow's own commands.

Opt-in (`make test-size`): minutes, 25 GB of disk, 12 GB of memory. Prints seconds and the most memory of each command.
One clip of two frames is drawn here; backbones are taken over, latents made and both stages trained as in any run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from tests.conftest import make_project
from tests.unit.tiny_models import write_scale
from tgvac.files import write_json
from tgvac.models.cost.memory import Choices, memory_of
from tgvac.models.cost.networks import Networks
from tgvac.params import load_params

pytestmark = [pytest.mark.workflow, pytest.mark.size]

GIB = 2**30
SCALE = "fake"
# The paper's networks and picture, on one clip; what the paper's memory would not allow here is as
# docs/training.md advises for small GPUs.
OVERLAY = """
extends: smoke
sources: {{pairs: []}}
framing: {{size: 256}}
backbones: {{origin: pretrained, stable_diffusion: {sd}, scoring_clip: {clip}}}
motion_module: {{block: paper, heads: 8}}
frame: {{steps: 1, batch: 1, warmup: 0, ema: 0.0, optimizer: adafactor, lr: 1.0e-2, pairs_share: 0.0}}
motion: {{steps: 1, batch: 1, warmup: 0, ema: 0.0, clip_frames: 2}}
samples: {{every: 0}}
compute: {{threads: 1, vae_batch: 2}}
shards: {{data: 1}}
"""
# In a process of its own, so that the test itself stays small.
BUILD = """
import sys
from pathlib import Path
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel
from tgvac.models.cost.published import STABLE_DIFFUSION_1
from tgvac.models.schedule import network_scheduler
from tgvac.models.small_networks import build_clip, build_tokenizer
from tgvac.params import load_params

torch.set_num_threads(1)
torch.manual_seed(0)
root, sd, clip = (Path(argument) for argument in sys.argv[1:])
params = load_params(root, "smoke")
UNet2DConditionModel.from_config(STABLE_DIFFUSION_1["unet"]).save_pretrained(sd / "unet")
AutoencoderKL.from_config(STABLE_DIFFUSION_1["vae"]).save_pretrained(sd / "vae")
CLIPTextModel(CLIPTextConfig(**STABLE_DIFFUSION_1["text_encoder"])).save_pretrained(sd / "text_encoder")
shapes = params.backbones.standin.model_copy(update={"text_tokens": 77})
tokenizer = build_tokenizer(shapes, ["a brown fish"])
tokenizer.save_pretrained(sd / "tokenizer")
network_scheduler(params.diffusion).save_pretrained(sd / "scheduler")
for part in build_clip(shapes, len(tokenizer), 64, 0):
    part.save_pretrained(clip)
tokenizer.save_pretrained(clip)
"""


@dataclass(frozen=True)
class Run:
    """A finished command: seconds, and the most bytes that its process held."""

    seconds: float
    bytes: int
    said: str


def ran(folder: Path, what: str, *command: str) -> Run:
    """Run a command to its end, and print what it took."""
    began = time.monotonic()
    with (folder / "said.txt").open("w+") as said:
        process = subprocess.Popen([sys.executable, *command], cwd=folder, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    assert process.returncode == 0, text[-3000:]
    found = Run(time.monotonic() - began, usage.ru_maxrss * 1024, text)
    used = usage.ru_utime + usage.ru_stime
    print(f"\n{what:<10} {found.seconds:6.0f} s, {used:5.0f} s of processor, {found.bytes / GIB:5.1f} GiB", flush=True)
    return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose latents are there; it is taken away in the end, since it is large."""
    folder = make_project(tmp_path_factory.mktemp("real-size") / "project")
    sd, clip = folder / "sd", folder / "clip"
    (folder / "workflow" / "scales" / f"{SCALE}.yaml").write_text(OVERLAY.format(sd=sd, clip=clip))
    try:
        ran(folder, "building", "-c", BUILD, str(folder), str(sd), str(clip))
        write_scale(folder, 2, 96, 128, ["world/fish/1"], split="train")
        results = folder / "results" / SCALE
        write_json(results / "sources" / "manifest.json", {})
        # Accounts that later phases note the digests of, and nothing else.
        for name in ("masks/quality.parquet", "synthesis/occlusion.parquet", "synthesis/account.json"):
            (results / name).touch()
        (results / "captions" / "rejected.csv").touch()
        ran(folder, "backbones", "-m", "tgvac", "stage", "backbones", "--scale", SCALE)
        shutil.rmtree(sd)
        ran(folder, "latents", "-m", "tgvac", "stage", "latents", "--scale", SCALE, "--device", "cpu")
        yield folder
    finally:
        shutil.rmtree(folder)


def predicted(project: Path, stage: str) -> int:
    """What `tgvac plan --memory` says of these choices, in bytes."""
    params = load_params(project, SCALE)
    block = getattr(params, stage)
    networks = Networks(params.backbones, params.motion_module, 256, project / "results" / SCALE / "backbones")
    choices = Choices(1, checkpointing=True, optimizer=block.optimizer, ema=False)
    module = networks.frame_unet if stage == "frame" else networks.video_unet
    loss_of = partial(networks.noise_loss, stage, frames=block.clip_frames)
    beside = (networks.vae, networks.text_encoder)
    return memory_of(module, loss_of, choices, {"adamw": 8.0}, beside).sum


def tensors(project: Path, phase: str) -> Path:
    run = Path(phase) / "full" / "seed0" if phase != "backbones" else Path(phase)
    return project / "results" / SCALE / run / "unet" / "diffusion_pytorch_model.safetensors"


def test_a_step_of_either_stage(project: Path) -> None:
    for stage in ("frame", "motion"):
        command = ("-m", "tgvac", "stage", stage, "--scale", SCALE, "--device", "cpu", "--checkpointing")
        run, expected = ran(project, stage, *command), predicted(project, stage)
        print(f"{'':<10} of {expected / GIB:.1f} GiB that the plan says: {run.bytes / expected:.2f}", flush=True)
        (event,) = (tensors(project, stage).parents[1] / "events.jsonl").read_text().splitlines()
        assert 0.1 < json.loads(event)["loss"] < 10, "of noise whose variance is one"
        # Beside the plan's tensors: the interpreter with its libraries, and files that are read or written whole.
        assert 0.8 * expected < run.bytes < 1.25 * expected + GIB

    with (
        safe_open(tensors(project, "backbones"), "pt") as first,
        safe_open(tensors(project, "frame"), "pt") as frame,
        safe_open(tensors(project, "motion"), "pt") as motion,
    ):
        names, modules = set(frame.keys()), set(motion.keys())
        assert sum(torch.Size(frame.get_slice(name).get_shape()).numel() for name in names) == 859_544_004, (
            "859,520,964 numbers of Stable Diffusion 1.5, and eight channels more of 320 x 3 x 3"
        )
        moved = [name for name in names - {"conv_in.weight"} if not same(first, frame, name)]
        assert len(moved) > 600, "of 686 tensors"
        assert names < modules
        assert all(same(frame, motion, name) for name in names), "the frame layers are frozen"
        outputs = [name for name in modules - names if name.endswith("proj_out.weight")]
        assert outputs
        assert all(bool(motion.get_tensor(name).any()) for name in outputs), "they were zero before the step"


def same(one: Any, other: Any, name: str) -> bool:
    return torch.equal(one.get_tensor(name), other.get_tensor(name))
