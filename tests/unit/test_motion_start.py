"""Phase `motion` passes the published weights and their digest to the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.test_models_warm_start import STARTED, publish
from tests.unit.tiny_models import (
    CHECKPOINTS,
    COMPUTE,
    CONDITIONS,
    DIFFUSION,
    FRAMING,
    LATENTS,
    MOTION_MODULE,
    SAMPLER,
    TRAINING,
    context,
    unet_12,
)
from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.params import VariantParams
from tgvac.training import motion_stage
from tgvac.training.outputs import save_model
from tgvac.training.run_params import SamplesParams


def handed(root: Path, module: MotionModuleParams, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, str]:
    """The network and the digest that the phase passes to the training."""
    given: list[Any] = []
    monkeypatch.setattr(motion_stage, "noise_training", lambda *arguments: given.extend(arguments))
    ctx = context(root, "motion", options={"variant": "full", "seed": "0"})
    save_model(ctx.results / "frame" / "full" / "seed0", "unet", unet_12(), [])
    motion_stage.training_of(
        ctx,
        diffusion=DIFFUSION,
        conditions=CONDITIONS,
        variants={"full": VariantParams()},
        motion=TRAINING,
        motion_module=module,
        checkpoints=CHECKPOINTS,
        samples=SamplesParams(every=0, pictures=1, sampling_steps=1, guidance=1.0),
        framing=FRAMING,
        latents=LATENTS,
        sampler=SAMPLER,
        compute=COMPUTE,
    )
    return given[1], given[-1]


def test_with_a_start_the_training_starts_from_the_published_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = publish(tmp_path).state_dict()
    network, digest = handed(tmp_path, STARTED, monkeypatch)
    state = network.state_dict()
    assert all(torch.equal(state[name], value) for name, value in published.items())
    assert len(digest) == 64


def test_without_one_it_starts_with_zero_output_and_without_a_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, digest = handed(tmp_path, MOTION_MODULE, monkeypatch)
    state = network.state_dict()
    assert not any(value.any() for name, value in state.items() if ".motion_modules.0.proj_out." in name)
    assert digest == ""
