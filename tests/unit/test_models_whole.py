"""Weights of earlier phases: compared with their index to the bit before use, once per process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.model_project import SCALE, model_project
from tests.unit.tiny_models import (
    CHECKPOINTS,
    COMPUTE,
    CPU,
    DIFFUSION,
    FRAMING,
    LATENTS,
    MOTION_MODULE,
    SAMPLER,
    TRAINING,
    unet_12,
)
from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.models import whole
from tgvac.models.backbones import load_backbones, load_unet
from tgvac.models.params import VariantParams
from tgvac.models.trained import load_frame_unet, load_video_unet
from tgvac.params import load_params
from tgvac.shards import read_index
from tgvac.stage import Context
from tgvac.training import motion_stage
from tgvac.training.outputs import save_model
from tgvac.training.run_params import SamplesParams


def alter(folder: Path) -> tuple[str, str]:
    """Overwrite eight bytes of a folder's weights; the digests before and after."""
    path = next(folder.glob("*.safetensors"))
    written = sha256(path)
    with path.open("r+b") as file:
        file.seek(-8, 2)
        file.write(b"altered!")
    return written[:12], sha256(path)[:12]


def sentence(digests: tuple[str, str], command: str) -> str:
    written, found = digests
    return rf"safetensors has the digest {found}, and .*index\.json says {written}; run `tgvac stage {command}` to make"


def test_altered_frame_weights_are_not_trained_on(tmp_path: Path) -> None:
    root = model_project(tmp_path)
    digests = alter(root / "results" / SCALE / "frame" / "full" / "seed0" / "unet")
    ctx = Context(root, SCALE, "motion", "", device="cpu", options={"variant": "full", "seed": "0"})
    shared: dict[str, Any] = {
        "diffusion": DIFFUSION,
        "conditions": load_params(root, SCALE).conditions,
        "variants": {"full": VariantParams()},
        "checkpoints": CHECKPOINTS,
        "samples": SamplesParams(every=0, pictures=1, sampling_steps=1, guidance=1.0),
        "framing": FRAMING,
        "latents": LATENTS,
        "sampler": SAMPLER,
        "compute": COMPUTE,
    }
    with pytest.raises(BadInput, match=sentence(digests, f"frame --scale {SCALE} --variant full --seed 0")):
        motion_stage.training_of(ctx, motion=TRAINING, motion_module=MOTION_MODULE, **shared)


def test_altered_weights_are_not_completed_with(tmp_path: Path) -> None:
    root = model_project(tmp_path)
    results = root / "results" / SCALE
    digests = alter(results / "motion" / "full" / "seed0" / "unet")
    with pytest.raises(BadInput, match=sentence(digests, f"motion --scale {SCALE} --variant full --seed 0")):
        load_video_unet(results / "motion" / "full" / "seed0", load_params(root, SCALE).motion_module)
    digests = alter(results / "backbones" / "vae")
    with pytest.raises(BadInput, match=sentence(digests, f"backbones --scale {SCALE}")):
        load_backbones(results / "backbones", CPU)
    digests = alter(results / "backbones" / "unet")
    with pytest.raises(BadInput, match=sentence(digests, f"backbones --scale {SCALE}")):
        load_unet(results / "backbones")


def test_weights_are_read_once_per_process_and_again_after_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(path: Path) -> str:
        read.append(path.name)
        return sha256(path)

    monkeypatch.setattr(whole, "sha256", counted)
    save_model(tmp_path, "unet", unet_12(), [])
    for _ in range(3):
        load_frame_unet(tmp_path)
    assert sorted(read) == ["config.json", "diffusion_pytorch_model.safetensors"]
    alter(tmp_path / "unet")
    with pytest.raises(BadInput, match="has the digest"):
        load_frame_unet(tmp_path)
    assert len(read) == 3


def test_parts_that_are_not_used_are_compared_by_size_alone(tmp_path: Path) -> None:
    save_model(tmp_path, "unet", unet_12(), [{"step": 1}])
    events = tmp_path / "events.jsonl"
    events.write_bytes(b" " * events.stat().st_size)
    whole.check_whole(tmp_path, "unet")
    with pytest.raises(BadInput, match=r"events\.jsonl has the digest .*; fetch it again, or make it again"):
        whole.check_whole(tmp_path)
    events.write_bytes(b"")
    size = read_index(tmp_path / "index.json")["events.jsonl"].bytes
    with pytest.raises(BadInput, match=rf"events\.jsonl has 0 bytes, and .*index\.json says {size};"):
        whole.check_whole(tmp_path, "unet")
