"""Variants that stand in for baselines: they fill holes of whole pictures, or attend to the frame's embedding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from safetensors import safe_open
from safetensors.torch import load_file
from torch.nn import functional

from tests.unit.encoded_scale import (
    DRAWN,
    FOLLOW,
    FRAMES,
    TRACKS,
    encode,
    index_backbones,
    trained,
    without_cache,
    write_encodable,
)
from tests.unit.params_project import ROOT
from tests.unit.tiny_models import (
    COMPUTE,
    CPU,
    FRAMING,
    LATENTS,
    NEVER_DROPPED,
    STANDIN,
    TRAINING,
    backbones,
    tokenizer,
    unet_4,
    vae,
)
from tgvac.clips.framing import FramingParams
from tgvac.clips.recipe import read_recipes
from tgvac.errors import BadInput
from tgvac.latents.holes import LEAST, hole
from tgvac.latents.latent_clips import LatentClips
from tgvac.latents.live_features import open_features
from tgvac.latents.text_states import TextStates
from tgvac.models.backbones import load_unet
from tgvac.models.frame_unet import extend_conv_in
from tgvac.models.image_encoder import load_image_encoder
from tgvac.models.latents import encode_mode, to_tensor
from tgvac.models.layouts import FRAME_MASK
from tgvac.models.layouts import INPAINT as INPAINT_LAYOUT
from tgvac.models.params import VariantParams
from tgvac.models.small_networks import build_clip, image_tower
from tgvac.params import Params, load_params
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener
from tgvac.training.objective import make_batch
from tgvac.training.outputs import place_parts

INPAINT = VariantParams(layout="inpaint", latents="scaled")
ATTENDS = VariantParams(attends="image")
WANTED = DRAWN.model_copy(update={"holes": 2, "images": True})
SAMPLE = f"{TRACKS[0]}/r0"


@pytest.fixture
def scale(tmp_path: Path) -> Context:
    """Tracks, pairs and networks, an image encoder among them."""
    ctx = write_encodable(tmp_path)
    clip, processor = build_clip(STANDIN, len(tokenizer()), FRAMING.size, 5, "image encoder", STANDIN.text_width)
    place_parts(ctx.results / "backbones" / "image_encoder", image_tower(clip), processor)
    index_backbones(ctx)
    return ctx


@given(st.integers(8, 64), st.text(max_size=5), st.integers(0, 99), st.integers(0, 9))
def test_a_hole_is_never_empty_nor_everything_and_follows_from_its_names(
    size: int, sample: str, frame: int, draw: int
) -> None:
    first = hole(size, sample, frame, draw)
    assert first.shape == (size, size)
    assert set(np.unique(first)) == {0, 255}
    assert np.array_equal(first, hole(size, sample, frame, draw))


def test_holes_differ_and_are_neither_specks_nor_everything() -> None:
    found = np.stack([hole(64, "a", i, d) for i in range(100) for d in range(2)])
    assert len(np.unique(found.reshape(200, -1), axis=0)) == 200
    shares = (found > 0).mean((1, 2))
    assert (shares >= LEAST).mean() > 0.95
    assert 0.15 < shares.mean() < 0.5


def test_holes_are_cached_with_what_they_leave_of_the_frame(scale: Context) -> None:
    encode(scale, WANTED)
    features = open_features(scale, vae(), 0.5, FRAMING, WANTED, COMPUTE)
    recipes = read_recipes(scale.results / "synthesis" / "recipes.parquet")
    frames = RecipeClips(recipes, track_opener(scale)).framed(SAMPLE, FRAMING, None, None).frames_FSS3
    for draw in range(2):
        found = {what: features.clip(TRACKS[0], SAMPLE, what, range(FRAMES), draw) for what in ("hole", "holed")}
        holes_F1SS = torch.from_numpy(np.stack([hole(FRAMING.size, SAMPLE, i, draw) for i in range(FRAMES)]))[:, None]
        grey = to_tensor(frames) * (holes_F1SS == 0)
        torch.testing.assert_close(found["holed"], encode_mode(vae(), grey, COMPUTE.vae_batch))
        side = found["holed"].shape[-1]
        assert torch.equal(found["hole"], functional.interpolate(holes_F1SS / 255.0, size=(side, side)))


@pytest.mark.parametrize("framing", [FRAMING, FOLLOW], ids=["frame", "follow"])
@pytest.mark.parametrize("variant", [INPAINT, ATTENDS], ids=["inpaint", "image"])
def test_trainings_of_baselines_are_equal_to_the_bit_without_the_cache(
    scale: Context, variant: VariantParams, framing: FramingParams
) -> None:
    encode(scale, WANTED, framing)
    cached = trained(scale, "frame", WANTED, framing, variant=variant)
    encode(scale, without_cache(WANTED), framing)
    assert trained(scale, "frame", without_cache(WANTED), framing, variant=variant) == cached
    assert len({event["loss"] for event in cached[0]}) == 4


def test_an_inpainting_batch_is_the_hole_then_what_is_left_and_its_target_is_the_frame(scale: Context) -> None:
    encode(scale, WANTED)
    clips = LatentClips(scale, "train", 1, open_features(scale, vae(), 0.0, FRAMING, WANTED, COMPUTE))
    params = TRAINING.model_copy(update={"clip_frames": 1})
    conditions = INPAINT.of(NEVER_DROPPED)
    batch = make_batch(clips, TextStates(backbones()), params, conditions, 0.25, 1000, "frame", 0, range(3))
    x_BCFhw = batch.stacked(torch.zeros_like(batch.z_BcFhw))
    assert x_BCFhw.shape[1] == 9
    hole_Bhw, left_Bchw = x_BCFhw[:, 4, 0], x_BCFhw[:, 5:, 0]
    assert set(hole_Bhw.unique().tolist()) == {0.0, 1.0}, "the hole is no latent, and not scaled"
    for i in range(3):
        sample, start = clips.draw(1, 1, "frame", params.seed, 0, i)
        assert torch.equal(batch.z_BcFhw[i, :, 0], clips.read(sample, "frame", start, 1)[0] * 0.25)
        held = [clips.read(sample, "holed", start, 1, 1, draw)[0] * 0.25 for draw in range(2)]
        assert any(torch.equal(left_Bchw[i], each) for each in held)


@pytest.mark.parametrize(("draws", "holes"), [(3, 2), (1, 4)])
def test_what_a_hole_leaves_is_the_target_also_where_windows_follow_noisy_masks(
    scale: Context, draws: int, holes: int
) -> None:
    wanted = WANTED.model_copy(update={"mask_draws": draws, "holes": holes})
    params = TRAINING.model_copy(update={"clip_frames": 1, "batch": 8})
    batches = []
    for latents in (wanted, without_cache(wanted)):
        encode(scale, latents, FOLLOW)
        clips = LatentClips(scale, "train", 1, open_features(scale, vae(), 0.0, FOLLOW, latents, COMPUTE))
        conditions = INPAINT.of(NEVER_DROPPED)
        batches.append(make_batch(clips, TextStates(backbones()), params, conditions, 1.0, 1000, "frame", 0, range(8)))
    for cached, live in ((batches[0].z_BcFhw, batches[1].z_BcFhw), (batches[0].frame_BcFhw, batches[1].frame_BcFhw)):
        assert torch.equal(cached, live)
    # Outside of a hole the autoencoder sees the same pixels.
    left_Bhw = batches[0].mask_BcFhw[:, 0, 0] == 0
    error_Bhw = (batches[0].frame_BcFhw - batches[0].z_BcFhw)[:, :, 0].abs().mean(1)
    assert error_Bhw[left_Bhw].mean() < error_Bhw[~left_Bhw].mean()


def test_a_variant_that_attends_to_the_image_gets_its_embedding_or_zeros(scale: Context) -> None:
    encode(scale, WANTED)
    clips = LatentClips(scale, "train", 1, open_features(scale, vae(), 0.0, FRAMING, WANTED, COMPUTE))
    params = TRAINING.model_copy(update={"clip_frames": 1})
    frames = RecipeClips(read_recipes(scale.results / "synthesis" / "recipes.parquet"), track_opener(scale))
    embed = load_image_encoder(scale.results / "backbones", CPU, COMPUTE.vae_batch)

    def states(**rates: float) -> torch.Tensor:
        conditions = VariantParams(attends="image", **rates).of(NEVER_DROPPED)
        found = make_batch(clips, TextStates(backbones()), params, conditions, 0.25, 1000, "frame", 0, range(3))
        return found.text_BND

    found_B1D = states()
    assert found_B1D.shape == (3, 1, STANDIN.text_width)
    for i in range(3):
        sample, start = clips.draw(1, 1, "frame", params.seed, 0, i)
        shown = frames.framed(sample, FRAMING, range(start, start + 1), None).frames_FSS3
        torch.testing.assert_close(found_B1D[i], embed(shown)[0])
    assert not states(drop_text=1.0).any()


def test_backbones_without_an_image_encoder_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"image_encoder does not exist, but pictures are to be embedded; set backb"):
        load_image_encoder(tmp_path, CPU, 1)


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ({"layout": "inpaint"}, r"variants\.rival fills holes, but latents\.holes is 0"),
        ({"attends": "image"}, r"variants\.rival attends to the image, but latents\.images is false; set it to true"),
    ],
)
def test_a_variant_whose_latents_are_not_encoded_is_refused(variant: dict[str, str], message: str) -> None:
    tree = load_params(ROOT, "paper").model_dump()
    tree["variants"]["rival"] = variant
    with pytest.raises(ValidationError, match=message):
        Params(**tree)
    tree["latents"] |= {"holes": 1, "images": True}
    assert Params(**tree).baseline_variants == ["rival"]


def test_without_holes_and_embeddings_the_cache_has_none(scale: Context) -> None:
    encode(scale, LATENTS)
    file = next((scale.out / "files").glob("world--a*.safetensors"))

    with safe_open(file, "pt") as opened:
        assert sorted(opened.keys()) == sorted(f"{SAMPLE}|{w}" for w in ("target_mean", "target_std", "frame", "mask"))


def test_a_variant_of_no_steps_keeps_the_weights_it_starts_from(scale: Context) -> None:
    encode(scale, WANTED)
    events, weights = trained(scale, "frame", WANTED, variant=VariantParams(steps=0))
    assert events == []
    start = extend_conv_in(load_unet(scale.results / "backbones"))
    path = scale.root / "weights.safetensors"
    path.write_bytes(weights)
    for name, value in load_file(path).items():
        assert torch.equal(value, start.state_dict()[name]), name


def test_a_variant_may_start_from_other_weights_than_the_rest(scale: Context) -> None:
    encode(scale, WANTED)
    other = extend_conv_in(unet_4(9), INPAINT_LAYOUT)
    other.save_pretrained(scale.root / "other" / "unet")
    variant = INPAINT.model_copy(update={"steps": 0, "start": "other"})
    _, weights = trained(scale, "frame", WANTED, variant=variant)
    path = scale.root / "weights.safetensors"
    path.write_bytes(weights)
    for name, value in load_file(path).items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_a_variant_starts_from_another_one_of_the_same_scale_and_seed(scale: Context) -> None:
    encode(scale, WANTED)
    other = extend_conv_in(unet_4(9), FRAME_MASK)
    other.save_pretrained(scale.results / "frame" / "first" / "seed0" / "unet")
    _, weights = trained(scale, "frame", WANTED, variant=VariantParams(after="first", steps=0))
    path = scale.root / "weights.safetensors"
    path.write_bytes(weights)
    for name, value in load_file(path).items():
        assert torch.equal(value, other.state_dict()[name]), name
