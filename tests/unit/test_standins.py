"""The shipped stand-ins: written, copied by a run, and refused when they are damaged."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.unit.test_training_backbones import params
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
    video_unet,
    write_scale,
)
from tgvac.backbones import backbones_stage
from tgvac.backbones.objectives import _spoil
from tgvac.backbones.views import render_views
from tgvac.clips.captions import read_captions
from tgvac.errors import BadInput
from tgvac.files import sha256, write_json
from tgvac.models.backbones import load_backbones, load_unet
from tgvac.models.backbones_params import BackbonesParams
from tgvac.models.image_encoder import load_image_encoder
from tgvac.models.schedule import network_scheduler
from tgvac.models.small_networks import build_clip, image_tower
from tgvac.release import shipping as ship
from tgvac.shards import read_index
from tgvac.stage import Context
from tgvac.synthesis.clips import recipe_clips
from tgvac.training.outputs import place_parts, save_model


def trained_scale(root: Path) -> Context:
    """A scale whose networks are all there."""
    ctx, parts = context(root, "standins"), backbones()
    folder = ctx.results / "backbones"
    named = {"vae": parts.vae, "text_encoder": parts.text_encoder, "tokenizer": parts.tokenizer, "unet": unet_4()}
    for name, part in named.items():
        place_parts(folder / name, part)
    clip, processor = build_clip(STANDIN, len(tokenizer()), 32, 5)
    place_parts(folder / "scoring_clip", clip, processor, tokenizer())
    network_scheduler(DIFFUSION).save_pretrained(folder / "scheduler")
    save_model(ctx.results / "motion" / "full" / "seed0", "unet", video_unet(), [])
    return ctx


def take(ctx: Context, origin: str, **more: Any) -> None:
    backbones_stage.run(
        ctx,
        backbones=params("none", "none").model_copy(update={"origin": origin, **more}),
        framing=FRAMING,
        diffusion=DIFFUSION,
        checkpoints=CHECKPOINTS,
        samples=SAMPLES,
        sampler=SAMPLER,
        compute=COMPUTE,
    )


def test_shipped_stand_ins_are_copied_to_the_bit(tmp_path: Path) -> None:
    made = trained_scale(tmp_path)
    ship.ship(made, tmp_path / "standins", "make it")
    index = read_index(tmp_path / "standins" / "index.json")
    assert all(sha256(tmp_path / "standins" / name) == entry.sha256 for name, entry in index.items())
    assert {"README.md", "motion/diffusion_pytorch_model.safetensors", "motion/config.json"} <= set(index)
    record = json.loads((tmp_path / "standins" / "made.json").read_text())
    assert (record["command"], record["index"]) == ("make it", sha256(tmp_path / "standins" / "index.json"))
    assert datetime.date.fromisoformat(record["date"]) <= datetime.datetime.now(datetime.UTC).date()
    assert "make it" in (tmp_path / "standins" / "README.md").read_text()
    ctx = context(tmp_path, "backbones")
    take(ctx, "shipped")
    for name in ("vae", "unet", "text_encoder", "scoring_clip", "tokenizer"):
        there, here = tmp_path / "standins" / name, ctx.out / name
        assert {p.name: p.read_bytes() for p in there.iterdir()} == {p.name: p.read_bytes() for p in here.iterdir()}
    provenance = json.loads((ctx.out / "provenance.json").read_text())
    assert provenance == {"origin": "shipped", "standins": sha256(tmp_path / "standins" / "index.json")}
    assert load_backbones(ctx.out, CPU).vae.config.scaling_factor == 0.5


def test_weights_are_shipped_in_half_precision_and_loaded_in_full(tmp_path: Path) -> None:
    made = trained_scale(tmp_path)
    ship.ship(made, tmp_path / "standins", "make it")
    for file in (tmp_path / "standins").rglob("*.safetensors"):
        assert {x.dtype for x in load_file(file).values() if x.is_floating_point()} == {torch.float16}
    ours, theirs = load_unet(made.results / "backbones"), load_unet(tmp_path / "standins")
    for name, value in theirs.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, ours.state_dict()[name].half().float()), name
    assert load_backbones(tmp_path / "standins", CPU).vae.dtype == torch.float32


def test_weights_too_large_for_half_precision_are_not_shipped(tmp_path: Path) -> None:
    made = trained_scale(tmp_path)
    path = made.results / "backbones" / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    weights["conv_in.bias"][0] = 1e5
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(BadInput, match=r"has numbers in conv_in\.bias that are not finite in float16"):
        ship.ship(made, tmp_path / "standins", "make it")
    assert not (tmp_path / "standins" / "index.json").exists()


def test_the_networks_of_baselines_and_their_image_encoder_are_shipped_too(tmp_path: Path) -> None:
    made = trained_scale(tmp_path)
    clip, processor = build_clip(STANDIN, len(tokenizer()), 32, 5, "image encoder", STANDIN.text_width)
    place_parts(made.results / "backbones" / "image_encoder", image_tower(clip), processor)
    save_model(made.results / "frame" / "inpaint9" / "seed0", "unet", unet_4(), [])
    ship.ship(made, tmp_path / "standins", "make it", ["inpaint9"])
    ctx = context(tmp_path, "backbones")
    take(ctx, "shipped")
    assert (tmp_path / "standins" / "inpaint9" / "config.json").is_file()
    pictures = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), np.uint8)
    found_F1D = load_image_encoder(ctx.out, CPU, 2)(pictures)
    assert found_F1D.shape == (3, 1, STANDIN.text_width)
    given = processor(list(torch.from_numpy(pictures).permute(0, 3, 1, 2)), do_resize=False, return_tensors="pt")
    with torch.no_grad():
        expected = clip.half().float().get_image_features(given["pixel_values"])
    torch.testing.assert_close(found_F1D[:, 0], getattr(expected, "pooler_output", expected))


def test_curves_of_networks_that_were_trained_before_are_removed(tmp_path: Path) -> None:
    ship.ship(trained_scale(tmp_path), tmp_path / "standins", "make it")
    ctx = context(tmp_path, "backbones")
    (ctx.out / "events").mkdir(parents=True)
    (ctx.out / "events" / "unet.jsonl").write_text('{"step": 1, "loss": 1.0}\n')
    take(ctx, "shipped")
    assert not (ctx.out / "events").exists()
    assert not [name for name in read_index(ctx.out / "index.json") if name.startswith("events")]


def test_shipping_twice_gives_the_same_index(tmp_path: Path) -> None:
    made = trained_scale(tmp_path)
    ship.ship(made, tmp_path / "a", "make it")
    ship.ship(made, tmp_path / "b", "make it")
    ship.ship(made, tmp_path / "b", "make it")
    assert (tmp_path / "a" / "index.json").read_bytes() == (tmp_path / "b" / "index.json").read_bytes()


def test_a_scale_whose_training_is_not_finished_is_not_shipped(tmp_path: Path) -> None:
    made = trained_scale(tmp_path)
    (made.results / "motion" / "full" / "seed0" / "unet").rename(tmp_path / "away")
    with pytest.raises(BadInput, match="motion/full/seed0/unet does not exist; run `make it` to its end"):
        ship.ship(made, tmp_path / "standins", "make it")
    assert not (tmp_path / "standins").exists()


def test_stand_ins_that_are_too_large_are_not_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ship, "LIMIT", 1000)
    with pytest.raises(BadInput, match=r"make the networks under backbones\.standin smaller"):
        ship.ship(trained_scale(tmp_path), tmp_path / "standins", "make it")


@pytest.mark.parametrize("damage", ["absent", "altered", "without index"])
def test_damaged_stand_ins_are_refused_by_name(tmp_path: Path, damage: str) -> None:
    ship.ship(trained_scale(tmp_path), tmp_path / "standins", "make it")
    weights = tmp_path / "standins" / "vae" / "diffusion_pytorch_model.safetensors"
    if damage == "absent":
        weights.unlink()
    elif damage == "altered":
        weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    else:
        weights = tmp_path / "standins" / "index.json"
        weights.unlink()
    with pytest.raises(BadInput, match=f"{weights.name}.* (missing or not as|does not exist).*restore"):
        take(context(tmp_path, "backbones"), "shipped")


def test_shipped_stand_ins_of_another_noise_schedule_are_refused(tmp_path: Path) -> None:
    made = trained_scale(tmp_path)
    network_scheduler(DIFFUSION.model_copy(update={"beta_end": 0.02})).save_pretrained(
        made.results / "backbones/scheduler"
    )
    ship.ship(made, tmp_path / "standins", "make it")
    with pytest.raises(BadInput, match=r"schedule's beta_end 0\.02, and diffusion\.beta_end is 0\.012; name another"):
        take(context(tmp_path, "backbones"), "shipped")


def test_fitting_changes_only_the_autoencoder_and_starts_from_the_shipped_one(tmp_path: Path) -> None:
    scale = write_scale(tmp_path, 5, 24, 30, ("world/a/1", "world/b/1"), split="train")
    write_json(scale.results / "sources" / "manifest.json", {"pairs": {}})
    ship.ship(trained_scale(tmp_path), tmp_path / "standins", "make it")
    ctx = context(tmp_path, "backbones")
    take(ctx, "fit", vae_steps=3, batch=4)
    fitted, start = load_backbones(ctx.out, CPU), backbones()
    moved = [(a - b).abs().max() for a, b in zip(fitted.vae.parameters(), start.vae.parameters(), strict=True)]
    assert 0 < max(moved) < 0.05
    assert fitted.vae.config.scaling_factor != start.vae.config.scaling_factor
    assert sha256(ctx.out / "unet" / "config.json") == sha256(tmp_path / "standins" / "unet" / "config.json")
    halved = unet_4().half().float()
    assert all((a == b).all() for a, b in zip(load_unet(ctx.out).parameters(), halved.parameters(), strict=True))
    assert (ctx.out / "events" / "vae.jsonl").read_text().count("\n") == 1
    assert scale.results == ctx.results


def test_renewed_parts_are_trained_here_and_the_others_are_copied(tmp_path: Path) -> None:
    scale = write_scale(tmp_path, 5, 24, 30, ("world/a/1", "world/b/1"), split="train")
    write_json(scale.results / "sources" / "manifest.json", {"pairs": {}})
    ship.ship(trained_scale(tmp_path), tmp_path / "standins", "make it")
    ctx = context(tmp_path, "backbones")
    take(ctx, "shipped", renew=("scoring_clip", "image_encoder"), image_steps=2, clip_steps=2)
    for name in ("vae", "unet", "text_encoder", "tokenizer"):
        there, here = tmp_path / "standins" / name, ctx.out / name
        assert {p.name: p.read_bytes() for p in there.iterdir()} == {p.name: p.read_bytes() for p in here.iterdir()}
    old, new = (load_file(x / "scoring_clip" / "model.safetensors") for x in (tmp_path / "standins", ctx.out))
    assert old.keys() == new.keys()
    assert not torch.equal(old["visual_projection.weight"].float(), new["visual_projection.weight"])
    assert load_image_encoder(ctx.out, CPU, 2)(np.zeros((1, 32, 32, 3), np.uint8)).shape == (1, 1, STANDIN.text_width)
    provenance = json.loads((ctx.out / "provenance.json").read_text())
    assert provenance["renewed"] == "scoring_clip, image_encoder"
    files = set(read_index(ctx.out / "index.json"))
    assert {"events/scoring_clip.jsonl", "events/image_encoder.jsonl"} <= files


def test_only_shipped_parts_can_be_renewed() -> None:
    given = params("none", "none").model_dump()
    with pytest.raises(ValueError, match="renew names scoring_clip, but origin is 'pretrained', not shipped"):
        BackbonesParams(**{**given, "renew": ("scoring_clip",)})
    with pytest.raises(ValueError, match="renew names image_encoder, but image_steps is 0"):
        BackbonesParams(**{**given, "origin": "shipped", "renew": ("image_encoder",)})


def test_the_card_says_how_the_scoring_clip_ranks(tmp_path: Path) -> None:
    ranks = {"pairs": 40, "wrong_colours": 0.925, "hull": 1.0}
    ship.ship(trained_scale(tmp_path), tmp_path / "standins", "make it", ranks=ranks)
    card = (tmp_path / "standins" / "README.md").read_text()
    assert "In 40 held-out clips" in card
    assert "in wrong colours, in 92%" in card
    assert "mean colour, in 100%" in card


def test_a_spoiled_copy_has_other_colours_or_one_and_the_same_outline() -> None:
    x_B3SS = torch.ones(64, 3, 8, 8)
    x_B3SS[:, 0, 2:6, 2:6] = torch.linspace(-1, 0.9, 16).view(4, 4)
    x_B3SS[:, 1:, 2:6, 2:6] = -1
    x_B3SS[0, :, 2:6, 2:6] = 0.1
    spoiled, differs_B = _spoil(x_B3SS, "clip", 1, 2)
    assert torch.equal((spoiled < 1).any(1), (x_B3SS < 1).any(1))
    assert not differs_B[0], "a grey square has no other colours"
    # Green and blue are equal here, so one order in five is the true one.
    assert 45 < int(differs_B.sum()) < 64
    torch.testing.assert_close(spoiled[~differs_B], x_B3SS[~differs_B])
    flat_B = torch.tensor([len(x[:, 2:6, 2:6].flatten(1).unique(dim=1).T) == 1 for x in spoiled])
    assert 20 < int(flat_B[1:].sum()) < 44
    for before, after, flat in zip(x_B3SS[1:], spoiled[1:], flat_B[1:], strict=True):
        if not flat:
            torch.testing.assert_close(after.sort(dim=0).values, before.sort(dim=0).values)


def test_the_pool_of_pictures_is_a_function_of_their_numbers(tmp_path: Path) -> None:
    scale = write_scale(tmp_path, 5, 24, 30, ("world/a/1", "world/b/1"))
    captions = read_captions(scale.results / "captions" / "captions.parquet")
    few = render_views([recipe_clips(scale)], FRAMING, captions, 5, "few")
    many = render_views([recipe_clips(scale)], FRAMING, captions, 9, "many")
    assert (len(few), len(many)) == (5, 9)
    assert few.texts == many.texts[:5]
    assert (few.frames_PSS3 == many.frames_PSS3[:5]).all()
    assert (few.wholes_PSS3 == many.wholes_PSS3[:5]).all()
    assert few.frames([0, 1]).shape == (2, 3, 32, 32)
    assert few.masks([0]).unique().tolist() == [-1.0, 1.0]


def test_a_saved_tokenizer_does_not_depend_on_whether_its_training_was_resumed(tmp_path: Path) -> None:
    scale = write_scale(tmp_path, 5, 24, 30, ("world/a/1", "world/b/1"), split="train")
    write_json(scale.results / "sources" / "manifest.json", {"pairs": {}})
    ctx = context(tmp_path, "backbones")
    take(ctx, "train")
    first = (ctx.out / "index.json").read_bytes()
    # All trainings are done: the second run takes them from their checkpoints and never calls the tokenizer.
    take(ctx, "train")
    assert (ctx.out / "index.json").read_bytes() == first
