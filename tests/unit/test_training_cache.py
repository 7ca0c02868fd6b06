"""The cache of features: trainings are the same without it, and a stale cache is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.unit.encoded_scale import (
    DRAWN,
    FAULTY,
    FOLLOW,
    FRAMES,
    TRACKS,
    caption,
    encode,
    index_backbones,
    trained,
    without_cache,
    write_encodable,
    write_vae,
)
from tests.unit.tiny_models import COMPUTE, FRAMING, LATENTS, unet_4, vae
from tgvac.clips.framed import frame_clip
from tgvac.clips.framing import FramingParams
from tgvac.clips.recipe import read_recipes, write_recipes
from tgvac.config import digest
from tgvac.errors import BadInput
from tgvac.latents.cache_keys import part_digest
from tgvac.latents.encoding import encode_clips, framed
from tgvac.latents.features import CachedFeatures, Features
from tgvac.latents.latent_clips import LatentClips, LatentPairs
from tgvac.latents.live_features import LiveFeatures, open_features
from tgvac.latents.mask_noise import mask_draw, noisy_masks
from tgvac.latents.params import LatentsParams
from tgvac.models.params import ComputeParams
from tgvac.shards import read_index, write_index
from tgvac.stage import Context
from tgvac.synthesis.clips import RecipeClips, track_opener
from tgvac.training.outputs import place_parts

WHATS = ("target_mean", "target_std", "frame", "mask")


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Context:
    ctx = write_encodable(tmp_path_factory.mktemp("encoded"))
    encode(ctx, LATENTS)
    return ctx


@pytest.fixture
def scale(encoded: Context, tmp_path: Path) -> Context:
    """A copy of the encoded scale, to be changed."""
    shutil.copytree(encoded.root, tmp_path / "copy")
    return replace(encoded, root=tmp_path / "copy")


def opened(
    ctx: Context,
    latents: LatentsParams,
    framing: FramingParams = FRAMING,
    compute: ComputeParams = COMPUTE,
    share: float = 0.5,
) -> Features:
    return open_features(ctx, vae(), share, framing, latents, compute)


def clip_of(features: Features, what: str, draw: int = 0, track: str = TRACKS[0]) -> torch.Tensor:
    return features.clip(track, f"{track}/r0", what, range(FRAMES), draw)


def test_trainings_of_frames_and_of_motion_are_equal_to_the_bit_without_the_cache(scale: Context) -> None:
    cached = [trained(scale, phase, LATENTS) for phase in ("frame", "motion")]
    encode(scale, without_cache(LATENTS))
    live = [trained(scale, phase, without_cache(LATENTS)) for phase in ("frame", "motion")]
    assert live == cached
    losses = [event["loss"] for events, _ in cached for event in events]
    assert len(set(losses)) == len(losses) == 8


@pytest.mark.parametrize("framing", [FRAMING, FOLLOW], ids=["frame", "follow"])
def test_they_are_with_faulty_masks_of_several_draws_as_well(scale: Context, framing: FramingParams) -> None:
    encode(scale, DRAWN, framing)
    cached = trained(scale, "frame", DRAWN, framing)
    encode(scale, without_cache(DRAWN), framing)
    assert trained(scale, "frame", without_cache(DRAWN), framing) == cached
    once = DRAWN.model_copy(update={"mask_draws": 1})
    encode(scale, once, framing)
    assert trained(scale, "frame", once, framing) != cached


def test_another_batch_of_the_autoencoder_changes_losses_by_less_than_1e_5(scale: Context) -> None:
    cached, _ = trained(scale, "frame", LATENTS)
    compute = COMPUTE.model_copy(update={"vae_batch": 3})
    encode(scale, without_cache(LATENTS), compute=compute)
    live, _ = trained(scale, "frame", without_cache(LATENTS), compute=compute)
    for one, other in zip(live, cached, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-5)


@pytest.mark.parametrize("framing", [FRAMING, FOLLOW], ids=["frame", "follow"])
def test_every_latent_of_every_draw_is_the_same_to_the_bit(scale: Context, framing: FramingParams) -> None:
    encode(scale, DRAWN, framing)
    cached = opened(scale, DRAWN, framing)
    assert isinstance(cached, CachedFeatures)
    clips = {(t, w, d): clip_of(cached, w, d, t) for t in TRACKS for w in WHATS for d in range(3)}
    rows = [(item, row) for item, found in cached.index.items() for row in range(found.facts.get("pairs", 0))]
    pairs = {(*at, w, d): cached.pair(*at, w, d) for at in rows for w in WHATS for d in range(3)}
    names = {at: cached.pair_name(*at) for at in rows}
    encode(scale, without_cache(DRAWN), framing)
    live = opened(scale, without_cache(DRAWN), framing)
    assert isinstance(live, LiveFeatures)
    for (track, what, draw), value in clips.items():
        assert torch.equal(clip_of(live, what, draw, track), value), (track, what, draw)
    for (item, row, what, draw), value in pairs.items():
        assert torch.equal(live.pair(item, row, what, draw), value), (item, row, what, draw)
    assert {at: live.pair_name(*at) for at in rows} == names
    assert len(rows) == 10


def test_without_a_cache_no_number_is_on_disk_and_with_it_again_no_plan(scale: Context) -> None:
    names = {path.stem for path in (scale.out / "files").iterdir()}
    encode(scale, without_cache(LATENTS))
    found = sorted((scale.out / "files").iterdir())
    assert {path.suffix for path in found} == {".json"}
    assert {path.stem for path in found} == names
    assert json.loads((scale.out / "files" / "world--a--1.json").read_text())["recipes"] == {"world/a/1/r0": FRAMES}
    assert {entry.file for entry in read_index(scale.out / "index.json").values()} == {f"files/{p.name}" for p in found}
    encode(scale, LATENTS)
    assert {path.suffix for path in (scale.out / "files").iterdir()} == {".safetensors"}


def test_only_the_chunks_that_a_sample_needs_are_rendered(scale: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    encode(scale, without_cache(LATENTS))
    live, asked, rendered = opened(scale, without_cache(LATENTS)), [], RecipeClips.framed

    def noted(self: RecipeClips, sample: str, framing: FramingParams, frames: Any, seen: Any) -> Any:
        asked.append(frames)
        return rendered(self, sample, framing, frames, seen)

    monkeypatch.setattr(RecipeClips, "framed", noted)
    for what in WHATS:
        live.clip(TRACKS[0], f"{TRACKS[0]}/r0", what, range(5, 6), 0)
    assert asked == [range(4, 7)], "chunks are of four frames"


def rewrite_recipes(ctx: Context) -> None:
    path = ctx.results / "synthesis" / "recipes.parquet"
    write_recipes(path, [r.model_copy(update={"seed": r.seed + 1}) for r in read_recipes(path)])


def rewrite_masks(ctx: Context) -> None:
    path = ctx.results / "masks" / "index.json"
    write_index(path, [replace(entry, sha256="0" * 64) for entry in read_index(path).values()])


def forget_a_clip(ctx: Context) -> None:
    entries = read_index(ctx.out / "index.json")
    write_index(ctx.out / "index.json", [e for name, e in entries.items() if name != TRACKS[1]])


STALE: dict[str, Callable[[Context], Any]] = {
    "autoencoder": lambda ctx: write_vae(ctx, 1),
    "recipe": rewrite_recipes,
    "masks": rewrite_masks,
    "missing": forget_a_clip,
}


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("change", STALE)
def test_a_cache_of_other_networks_or_pixels_is_refused(scale: Context, change: str, cache: bool) -> None:
    latents = LATENTS if cache else without_cache(LATENTS)
    if not cache:
        encode(scale, latents)
    opened(scale, latents)
    STALE[change](scale)
    with pytest.raises(BadInput, match=r"latents of .* another autoencoder, recipe or preprocessing; .*again\.$"):
        opened(scale, latents)


PREPARED: dict[str, tuple[LatentsParams, FramingParams, ComputeParams]] = {
    "framing": (LATENTS, FOLLOW, COMPUTE),
    "faults": (LATENTS.model_copy(update={"mask_noise": FAULTY}), FRAMING, COMPUTE),
    "draws": (LATENTS.model_copy(update={"mask_draws": 2}), FRAMING, COMPUTE),
    "batch": (LATENTS, FRAMING, COMPUTE.model_copy(update={"vae_batch": 3})),
    "no cache": (without_cache(LATENTS), FRAMING, COMPUTE),
}


@pytest.mark.parametrize("change", PREPARED)
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_cache_of_another_preprocessing_is_refused(scale: Context, change: str, share: float) -> None:
    latents, framing, compute = PREPARED[change]
    with pytest.raises(BadInput, match="made with another autoencoder, recipe or preprocessing"):
        opened(scale, latents, framing, compute, share)


def test_another_autoencoder_makes_all_latents_again_and_another_unet_or_sentence_none(scale: Context) -> None:
    files = {path: path.stat().st_mtime_ns for path in (scale.out / "files").iterdir()}
    place_parts(scale.results / "backbones" / "unet", unet_4(1))
    index_backbones(scale)
    caption(scale, {TRACKS[0]: "another sentence"})
    encode(scale, LATENTS)
    opened(scale, LATENTS)
    assert {path: path.stat().st_mtime_ns for path in files} == files
    before = clip_of(opened(scale, LATENTS), "frame")
    write_vae(scale, 1)
    encode(scale, LATENTS)
    assert all(path.stat().st_mtime_ns != time for path, time in files.items())
    after = clip_of(opened(scale, LATENTS), "frame")
    assert not torch.equal(after, before)
    clips = RecipeClips(read_recipes(scale.results / "synthesis" / "recipes.parquet"), track_opener(scale))
    expected = encode_clips(vae(1), clips, [f"{TRACKS[0]}/r0"], FRAMING, COMPUTE.vae_batch)["frame"]
    assert torch.equal(after, expected)


@pytest.mark.parametrize("framing", [FRAMING, FOLLOW], ids=["frame", "follow"])
def test_what_is_encoded_is_the_clip_rendered_in_full_and_framed_then(scale: Context, framing: FramingParams) -> None:
    clips = RecipeClips(read_recipes(scale.results / "synthesis" / "recipes.parquet"), track_opener(scale))
    samples, noise = [f"{track}/r0" for track in TRACKS], DRAWN.mask_noise
    for draw, frames in ((0, None), (2, range(1, FRAMES))):
        found = framed(clips, samples, framing, noise, draw, frames)
        for what, name in (("frames_FSS3", "frames_FSS3"), ("masks_FSS", "visible_FSS"), ("wholes_FSS3", "whole_FSS3")):
            expected = [
                getattr(frame_clip(clips.render(s, frames), framing, partial(noisy_masks, noise, s, draw=draw)), name)
                for s in samples
            ]
            assert np.array_equal(getattr(found, what), np.concatenate(expected)), what


def test_networks_that_the_index_does_not_name_are_refused(scale: Context) -> None:
    with pytest.raises(BadInput, match="names no file of autoencoder; run the phase backbones again"):
        part_digest(scale.results / "backbones", "autoencoder")


def test_further_draws_hold_masks_alone_where_the_window_does_not_follow_them(scale: Context) -> None:
    def kept() -> set[str]:
        features = CachedFeatures(scale, 3)
        return {key.partition("|")[2] for key in features._open(TRACKS[0])[1]}

    encode(scale, DRAWN)
    assert kept() == {*WHATS, "mask|1", "mask|2"}
    encode(scale, DRAWN, FOLLOW)
    assert kept() == {f"{what}{tail}" for what in WHATS for tail in ("", "|1", "|2")}


def test_more_draws_leave_the_first_as_they_are(scale: Context) -> None:
    few, more = (DRAWN.model_copy(update={"mask_draws": n}) for n in (1, 4))
    encode(scale, few)
    first = clip_of(opened(scale, few), "mask")
    encode(scale, more)
    found = [clip_of(opened(scale, more), "mask", draw) for draw in range(4)]
    assert torch.equal(found[0], first)
    assert len({digest(x.tolist()) for x in found}) > 1


def test_a_step_s_row_has_its_draw_by_name_all_equally_likely() -> None:
    drawn = [mask_draw(4, "frame", 1, step, 0) for step in range(2000)]
    assert [mask_draw(4, "frame", 1, step, 0) for step in range(2000)] == drawn
    assert all(abs(drawn.count(d) - 500) < 120 for d in range(4))
    assert [mask_draw(4, "frame", 1, step, 1) for step in range(50)] != drawn[:50]
    assert [mask_draw(4, "motion", 1, step, 0) for step in range(50)] != drawn[:50]
    assert {mask_draw(1, "frame", 1, step, 0) for step in range(50)} == {0}


def test_clips_and_pairs_are_read_with_the_draw_that_is_asked_for(scale: Context) -> None:
    encode(scale, DRAWN)
    features = opened(scale, DRAWN)
    clips, pairs = LatentClips(scale, "train", 1, features), LatentPairs(scale, features)
    assert clips.draws == pairs.draws == 3
    sample, item = f"{TRACKS[0]}/r0", next(name for name, e in features.index.items() if e.facts.get("pairs"))
    for draw in range(3):
        expected = features.clip(TRACKS[0], sample, "mask", range(1, 6, 2), draw)
        assert torch.equal(clips.read(sample, "mask", 1, 3, 2, draw), expected)
        assert torch.equal(pairs.read(f"{item}#0", "mask", 0, 1, draw=draw), features.pair(item, 0, "mask", draw))
    assert not torch.equal(clips.read(sample, "mask", 0, 7), clips.read(sample, "mask", 0, 7, draw=1))
    assert torch.equal(clips.read(sample, "frame", 0, 7), clips.read(sample, "frame", 0, 7, draw=1))
