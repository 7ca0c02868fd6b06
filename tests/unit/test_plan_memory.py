"""``tgvac plan --memory``: the ladder of choices that save memory, and what a checkpoint holds."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from tests.unit.params_project import ROOT, copy_params, overlay
from tests.unit.plan_project import COSTS, RoundModels, called, counts, method_params
from tgvac.models.cost.memory import Choices, Memory, memory_of
from tgvac.models.cost.networks import Networks
from tgvac.models.cost.walk import Parameters
from tgvac.params import load_params
from tgvac.planning import training
from tgvac.planning.model_costs import ModelCosts
from tgvac.planning.small_memory import Rung, as_asked, ladder, memory_text


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Params and references, and no results."""
    copy_params(tmp_path)
    shutil.copytree(ROOT / "reference", tmp_path / "reference")
    return tmp_path


def test_memory_prints_a_ladder_for_each_stage(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    assert called("--scale", "smoke", "--memory", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["stage"] for each in found] == ["frame"] * 9 + ["motion"] * 8, "a batch of 1 has no parts"
    assert all(each["fits_gib"] == [16, 24] for each in found)


def test_what_fits_leaves_memory_for_what_is_not_a_tensor() -> None:
    choices = ladder(Choices(4))["bfloat16"]
    rung = Rung("frame", "by hand", choices, Memory(2**30, 0, 0, 0, 14 * 2**30))
    assert rung.fits(16, 1.0)
    assert not rung.fits(16, 1.1)
    assert "15.0" in memory_text([rung], COSTS)


def test_a_ladder_s_rungs_change_one_thing_more_each() -> None:
    found = ladder(Choices(16))
    assert found["as the params say"].micro_batch == 16
    assert found["+ a sample at a time"].micro_batch == 1
    assert found["+ gradient checkpointing"].checkpointing
    assert not found["+ Adafactor, no average"].ema


def test_the_first_rung_is_what_the_params_choose(project: Path) -> None:
    params = method_params(project, "motion: {optimizer: adafactor, ema: 0.0, precision: float16, batch: 2}\n")
    asked = as_asked(params.motion)
    assert asked == Choices(2, optimizer="adafactor", ema=False, precision="bfloat16")
    assert ladder(asked)["as the params say"] == asked
    assert ladder(asked)["bfloat16"].optimizer == "adamw", "the others start from plain AdamW"


def small(project: Path) -> Any:
    overlay(project, "extends: paper\npreset: small_gpu\n")
    return load_params(project, "mine")


def test_the_preset_for_small_gpus_fits_sixteen_gigabytes_a_sample_at_a_time(project: Path) -> None:
    params = small(project)
    networks = Networks(params.backbones, params.motion_module, params.framing.size)
    for stage, block in (("frame", params.frame), ("motion", params.motion)):
        choices = replace(as_asked(block), accumulation=block.batch, checkpointing=True)
        network: Any = networks.frame_unet if stage == "frame" else networks.video_unet
        loss_of = partial(networks.noise_loss, stage, frames=block.clip_frames)
        beside = (networks.vae, networks.text_encoder)
        rung = Rung(stage, "", choices, memory_of(network, loss_of, choices, {}, beside))
        assert rung.fits(16, COSTS.overhead_gib), stage


@pytest.mark.parametrize(("keys", "each"), [("ema: 0.0", 3 * 4.0), ("optimizer: adamw8bit", 2 * 4 + 2.03125)])
def test_checkpoints_hold_what_the_optimizer_and_the_average_keep(project: Path, keys: str, each: float) -> None:
    class Larger(RoundModels):
        @property
        def parameters(self) -> dict[str, Parameters]:
            return {"frame": Parameters(9000, 8000)}

    models = cast(ModelCosts, Larger())
    params = method_params(project, f"frame: {{{keys}}}\ncheckpoints: {{keep: 1}}\n")
    assert next(training.stage("frame", params, counts(), models, COSTS)).scratch == each * 8000


def test_a_checkpoint_of_adafactor_holds_rows_and_columns(project: Path) -> None:
    params = method_params(project, "motion: {optimizer: adafactor, ema: 0.0}\ncheckpoints: {keep: 1}\n")
    networks = Networks(params.backbones, params.motion_module, params.framing.size)
    shapes = [p.shape for p in networks.video_unet.parameters() if p.requires_grad]
    kept = sum(s.numel() if len(s) < 2 else s[:-1].numel() + s[:-2].numel() * s[-1] for s in shapes)
    scratch = next(training.stage("motion", params, counts(), ModelCosts(networks), COSTS)).scratch
    assert scratch == 4 * (sum(s.numel() for s in shapes) + kept)
