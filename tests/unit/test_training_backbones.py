"""The phase `backbones` with pretrained networks: local folders in, one folder of the project's layout out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, PNDMScheduler
from huggingface_hub import constants

from tests.unit.tiny_models import (
    CHECKPOINTS,
    COMPUTE,
    CPU,
    DIFFUSION,
    FRAMING,
    SAMPLER,
    SAMPLES,
    STANDIN,
    backbones,
    context,
    tokenizer,
    unet_4,
)
from tgvac.backbones import backbones_stage
from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.metrics.clip_score import load_scoring_clip
from tgvac.models.backbones import load_backbones, load_unet
from tgvac.models.backbones_params import BackbonesParams
from tgvac.models.small_networks import build_clip
from tgvac.shards import read_index
from tgvac.stage import Context

# diffusers 0.42 passes an argument to huggingface_hub that its version 1 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The `local_dir_use_symlinks` argument is deprecated:UserWarning")


STABLE_DIFFUSION_1_5 = {
    "_class_name": "PNDMScheduler",
    "_diffusers_version": "0.6.0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
    "clip_sample": False,
}
"""Its scheduler_config.json as it is published."""


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder in Stable Diffusion's layout and one with a CLIP."""
    base, parts = tmp_path_factory.mktemp("origins"), backbones()
    parts.vae.save_pretrained(base / "sd" / "vae")
    parts.text_encoder.save_pretrained(base / "sd" / "text_encoder")
    parts.tokenizer.save_pretrained(base / "sd" / "tokenizer")
    unet_4().save_pretrained(base / "sd" / "unet")
    PNDMScheduler(beta_start=8.5e-4, beta_end=1.2e-2, beta_schedule="scaled_linear", steps_offset=1).save_pretrained(
        base / "sd" / "scheduler"
    )
    clip, processor = build_clip(STANDIN, len(tokenizer()), 32, 5)
    for part in (clip, processor, parts.tokenizer):
        part.save_pretrained(base / "clip")
    return base / "sd", base / "clip"


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def params(stable_diffusion: Path | str, scoring_clip: Path | str) -> BackbonesParams:
    return BackbonesParams(
        origin="pretrained",
        shipped="standins",
        renew=(),
        stable_diffusion=str(stable_diffusion),
        scoring_clip=str(scoring_clip),
        stable_diffusion_revision="main",
        variant="",
        scoring_clip_revision="main",
        seed=1,
        vae_steps=1,
        unet_steps=1,
        clip_steps=1,
        image_steps=0,
        unet_drop_text=0.1,
        views=4,
        batch=1,
        lr=1e-3,
        kl_weight=0.0,
        standin=STANDIN,
    )


def run(ctx: Context, stable_diffusion: Path | str, scoring_clip: Path | str, variant: str = "") -> None:
    backbones_stage.run(
        ctx,
        backbones=params(stable_diffusion, scoring_clip).model_copy(update={"variant": variant}),
        framing=FRAMING,
        diffusion=DIFFUSION,
        checkpoints=CHECKPOINTS,
        samples=SAMPLES,
        sampler=SAMPLER,
        compute=COMPUTE,
    )


def test_pretrained_networks_are_copied_and_load_by_from_pretrained(origins: tuple[Path, Path], tmp_path: Path) -> None:
    ctx = context(tmp_path, "backbones")
    run(ctx, *origins)
    loaded = load_backbones(ctx.out, CPU)
    for ours, theirs in (
        (loaded.vae, backbones().vae),
        (loaded.text_encoder, backbones().text_encoder),
        (load_unet(ctx.out), unet_4()),
        (load_scoring_clip(ctx.out / "scoring_clip").model, build_clip(STANDIN, len(tokenizer()), 32, 5)[0]),
    ):
        for name, value in theirs.state_dict().items():
            assert torch.equal(ours.state_dict()[name], value), name
    assert loaded.vae.config.scaling_factor == 0.5
    assert loaded.tokenizer("a dog").input_ids == backbones().tokenizer("a dog").input_ids
    assert DDIMScheduler.from_pretrained(ctx.out / "scheduler").config.beta_schedule == "scaled_linear"
    provenance = json.loads((ctx.out / "provenance.json").read_text())
    named = {"stable_diffusion": f"{origins[0]}@main", "scoring_clip": f"{origins[1]}@main"}
    assert provenance == {"origin": "pretrained", **named}
    index = read_index(ctx.out / "index.json")
    files = {p.relative_to(ctx.out).as_posix() for p in ctx.out.rglob("*") if p.is_file()}
    assert set(index) == files - {"index.json"}
    assert all(sha256(ctx.out / name) == entry.sha256 for name, entry in index.items())


def test_the_index_is_the_same_when_fetched_again(origins: tuple[Path, Path], tmp_path: Path) -> None:
    ctx = context(tmp_path, "backbones")
    run(ctx, *origins)
    first = (ctx.out / "index.json").read_bytes()
    (ctx.out / "events").mkdir()
    (ctx.out / "events" / "vae.jsonl").write_text("of stand-ins that were trained here before\n")
    run(ctx, *origins)
    assert (ctx.out / "index.json").read_bytes() == first


def renamed(folder: Path, word: str) -> None:
    """Give every file of weights another name, as variants have."""
    for path in folder.rglob("*.safetensors"):
        path.rename(path.with_name(path.name.replace(".safetensors", word)))


def test_weights_of_a_variant_are_loaded_where_it_is_named(origins: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(origins[0], tmp_path / "sd")
    renamed(tmp_path / "sd", ".fp16.safetensors")
    ctx = context(tmp_path, "backbones")
    with pytest.raises(BadInput, match=r"pytorch_model\.safetensors does not exist; it has .*fp16.*: set backbones"):
        run(ctx, tmp_path / "sd", origins[1])
    run(ctx, tmp_path / "sd", origins[1], variant="fp16")
    assert torch.equal(load_unet(ctx.out).conv_in.weight, unet_4().conv_in.weight)


def test_pickles_are_named_and_never_read(origins: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(origins[0], tmp_path / "sd")
    renamed(tmp_path / "sd" / "text_encoder", ".bin")
    with pytest.raises(BadInput, match=r"model\.safetensors does not exist; it has model\.bin, a pickle, which is n"):
        run(context(tmp_path, "backbones"), tmp_path / "sd", origins[1])


@pytest.mark.parametrize(
    "name", ["nobody/no-such-model", "/no/such/folder", "not a name at all", "too/many/parts", "empty folder"]
)
@pytest.mark.parametrize("which", ["stable_diffusion", "scoring_clip"])
def test_a_name_that_cannot_be_loaded_is_refused_in_one_sentence(
    origins: tuple[Path, Path], tmp_path: Path, name: str, which: str
) -> None:
    if name == "empty folder":
        (tmp_path / "empty").mkdir()
        name = str(tmp_path / "empty")
    ctx = context(tmp_path, "backbones")
    given = (name, origins[1]) if which == "stable_diffusion" else (origins[0], name)
    with pytest.raises(BadInput) as error:
        run(ctx, *given)
    assert f"'{name}' cannot be loaded" in str(error.value)
    assert "\n" not in str(error.value)
    assert which in str(error.value)
    assert not (ctx.out / "index.json").exists()


@pytest.mark.parametrize(
    ("part", "file", "changes", "message"),
    [
        ("unet", "config.json", {"in_channels": 9}, r"the UNet has 9 in channels, its autoencoder 4 channels"),
        ("unet", "config.json", {"out_channels": 8}, r"the UNet has 8 out channels, its autoencoder 4 channels"),
        (
            "unet",
            "config.json",
            {"cross_attention_dim": 1024},
            r"width 1024, but the text encoder has width 16;",
        ),
        (
            "scheduler",
            "scheduler_config.json",
            {"prediction_type": "v_prediction"},
            r"predicts 'v_prediction', and diffusion\.prediction is 'epsilon'",
        ),
        *(
            (
                "scheduler",
                "scheduler_config.json",
                {key: value},
                rf"schedule's {key} {value}, and diffusion\.{ours} is {wanted};",
            )
            for key, value, ours, wanted in (
                ("num_train_timesteps", 500, "train_steps", "1000"),
                ("beta_schedule", "linear", "beta_schedule", "scaled_linear"),
                ("beta_start", 0.0001, "beta_start", r"0\.00085"),
                ("beta_end", 0.02, "beta_end", r"0\.012"),
            )
        ),
        (
            "scheduler",
            "scheduler_config.json",
            {"trained_betas": [0.1, 0.2]},
            r"its own trained_betas, and diffusion\.beta_schedule is scaled_linear;",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused_before_they_are_read(
    origins: tuple[Path, Path], tmp_path: Path, part: str, file: str, changes: dict[str, Any], message: str
) -> None:
    shutil.copytree(origins[0], tmp_path / "sd")
    config = tmp_path / "sd" / part / file
    config.write_text(json.dumps({**json.loads(config.read_text()), **changes}))
    next((tmp_path / "sd" / "unet").glob("*.safetensors")).unlink()
    ctx = context(tmp_path, "backbones")
    with pytest.raises(BadInput, match=message):
        run(ctx, tmp_path / "sd", origins[1])
    assert not (ctx.out / "unet").exists()


def test_what_stable_diffusion_1_5_publishes_of_its_scheduler_fits(origins: tuple[Path, Path], tmp_path: Path) -> None:
    shutil.copytree(origins[0], tmp_path / "sd")
    (tmp_path / "sd" / "scheduler" / "scheduler_config.json").write_text(json.dumps(STABLE_DIFFUSION_1_5))
    run(context(tmp_path, "backbones"), tmp_path / "sd", origins[1])


@pytest.mark.parametrize("part", ["vae", "text_encoder", "unet", "scheduler", "tokenizer"])
def test_a_part_that_is_missing_is_named(origins: tuple[Path, Path], tmp_path: Path, part: str) -> None:
    shutil.copytree(origins[0], tmp_path / "sd")
    shutil.rmtree(tmp_path / "sd" / part)
    with pytest.raises(BadInput, match=rf"^The {part} of the backbones '.*/sd' cannot be loaded \(.*; name a") as error:
        run(context(tmp_path, "backbones"), tmp_path / "sd", origins[1])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("part", ["vae", "text_encoder", "unet", "clip"])
@pytest.mark.parametrize("pattern", ["*.safetensors", "config.json"])
def test_a_truncated_part_is_named_and_must_be_fetched_again(
    origins: tuple[Path, Path], tmp_path: Path, part: str, pattern: str
) -> None:
    for origin in origins:
        shutil.copytree(origin, tmp_path / origin.name)
    folder = tmp_path / "clip" if part == "clip" else tmp_path / "sd" / part
    file = next(folder.glob(pattern))
    file.write_bytes(file.read_bytes()[:-40])
    named = "scoring CLIP" if part == "clip" else part
    with pytest.raises(BadInput, match=rf"^The {named} of the backbones '.*' cannot be .*: fetch it again\.$") as error:
        run(context(tmp_path, "backbones"), tmp_path / "sd", tmp_path / "clip")
    assert "\n" not in str(error.value)


def test_an_earlier_index_is_removed_before_a_failure(origins: tuple[Path, Path], tmp_path: Path) -> None:
    ctx = context(tmp_path, "backbones")
    run(ctx, *origins)
    with pytest.raises(BadInput):
        run(ctx, "nobody/no-such-model", origins[1])
    assert not (ctx.out / "index.json").exists()
