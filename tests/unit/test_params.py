"""The whole tree of params: what no block can check by itself is checked before anything runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.params_project import copy_params, overlay, refusal
from tgvac.errors import BadInput
from tgvac.params import load_params


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_params(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("methods: {ours/full: {trainde: full}}", "unknown key 'methods.ours/full.trainde'; did you mean 'trained'"),
        ("methods: {ours/full: {trained: no_mush}}", "'no_mush', which is not in 'variants'; did you mean 'no_mask'"),
        ("methods: {ours/hop2: {stride: 15}}", "methods.ours/hop2.stride 15 is more than sampler.clip_frames 14"),
        ("methods: {ours/full: {one_window: true}}\nmotion_module: {max_frames: 100}", "sees 126 frames at once"),
        ("evaluation: {methods: [ours/ful]}", "'ours/ful'; did you mean 'ours/full'"),
    ],
)
def test_a_method_that_cannot_run_is_refused_before_anything_runs(project: Path, text: str, message: str) -> None:
    overlay(project, text + "\n", "one")
    with pytest.raises(BadInput, match=re.escape(message)):
        load_params(project, "one")


@pytest.mark.parametrize("name", ["our/full", "ours/Full", "ours"])
def test_a_method_with_an_invalid_name_is_refused(project: Path, name: str) -> None:
    path = project / "params.yaml"
    path.write_text(path.read_text().replace("  ours/full: {}", f"  ours/full: {{}}\n  {name}: {{}}"))
    overlay(project, "", "one")
    with pytest.raises(BadInput, match="methods has '"):
        load_params(project, "one")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "backbones: {standin: {unet_channels: [30, 48]}}",
            "unet_channels has 30, which norm_groups 8 does not",
        ),
        ("backbones: {standin: {vae_channels: [16, 21, 32]}}", "vae_channels has 21, which vae_norm_groups 2 does not"),
        ("backbones: {standin: {vae_channels: [4, 16, 32]}}", "vae_channels has 4; each level needs at least 8"),
        ("backbones: {standin: {unet_heads: 5}}", "which unet_heads 5 does not divide"),
        ("backbones: {standin: {text_width: 30}}", "text_width has 30, which the encoder's heads 4 does not divide"),
        ("framing: {size: 62}", "framing.size 62 does not fit the stand-ins' latents: it must be a multiple of 8"),
        ("backbones: {standin: {clip_patch: 7}}", "does not fit the stand-ins' patches: it must be a multiple of 7"),
    ],
)
def test_stand_ins_that_cannot_be_built_are_refused_before_anything_runs(
    project: Path, text: str, message: str
) -> None:
    overlay(project, f"extends: smoke\n{text}\n")
    assert message in refusal(project)


def test_several_draws_of_masks_without_faults_are_refused(project: Path) -> None:
    overlay(project, "extends: smoke\nlatents: {mask_draws: 2}\n")
    assert "mask_draws is 2, but mask_noise.share is 0, so all draws would be equal" in refusal(project)
