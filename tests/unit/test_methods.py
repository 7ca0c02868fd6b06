"""The methods by name, the ceiling and the trivial baselines, and the phase `completion` that runs them all."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.unit.tiny_models import (
    COMPUTE,
    CONDITIONS,
    CPU,
    DIFFUSION,
    FRAMING,
    MOTION_MODULE,
    SAMPLER,
    backbones,
    context,
    unet_12,
    vae,
    video,
    video_unet,
    write_scale,
)
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion, Completions
from tgvac.completion import completion_stage
from tgvac.completion.completion_stage import network_indices
from tgvac.completion.params import EvaluationParams, LongParams
from tgvac.errors import BadInput
from tgvac.methods import copy_visible, ours, registry
from tgvac.methods.autoencoder import AutoencoderCeiling
from tgvac.methods.contract import Complete, Setup, from_input
from tgvac.methods.copy_visible import CopyVisible
from tgvac.methods.mean_colour import MeanColour
from tgvac.methods.ours import TemporalDiffusion
from tgvac.methods.params import CompletionParams, MethodParams, TrivialParams
from tgvac.methods.registry import method_of, seeds_of, training_phases_of, variants_trained
from tgvac.methods.sampler import sampler_of
from tgvac.methods.temporal_copy import TemporalCopy
from tgvac.models.latents import round_trip
from tgvac.models.noise_models import NoiseModel, frame_noise_model, video_noise_model
from tgvac.models.params import VariantParams
from tgvac.sampling.windows import windows
from tgvac.shards import read_index
from tgvac.stage import Context
from tgvac.synthesis.clips import recipe_clips
from tgvac.training.outputs import save_model, write_folder_index

COMPLETION = CompletionParams(white_threshold=200)
METHODS = {
    "ours/full": MethodParams(),
    "ours/no_motion": MethodParams(motion=False),
    "ours/no_text": MethodParams(trained="no_text"),
    "ours/hop2": MethodParams(stride=2, clips="long"),
    "copy_visible/plain": MethodParams(),
    "copy_visible/long": MethodParams(clips="long"),
    "temporal_copy/plain": MethodParams(),
    "mean_colour/plain": MethodParams(),
    "autoencoder/ceiling": MethodParams(),
}
TRIVIAL = TrivialParams(reach=3, overlap=0.5, speed=0.1, shape="hull", radius=3.0, consistency=0.01)
EVALUATION = EvaluationParams(
    split="val",
    frames=3,
    per_video=0,
    long=LongParams(frames=5, videos=2),
    mask_source="given",
    methods=("copy_visible/plain",),
    train_seeds=(0,),
    sample_seed=4,
)
BLOCKS: dict[str, Any] = {
    "framing": FRAMING,
    "diffusion": DIFFUSION,
    "conditions": CONDITIONS,
    "variants": {"full": VariantParams()},
    "motion_module": MOTION_MODULE,
    "sampler": SAMPLER,
    "completion": COMPLETION,
    "trivial": TRIVIAL,
    "compute": COMPUTE,
}
TARGETS = ("world/a/1", "world/b/1", "world/c/1")


@pytest.fixture(autouse=True)
def _unpinned() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(1)


# The simplest baseline and the ceiling.


def test_copying_the_visible_part_puts_it_on_white() -> None:
    frames_FHW3, visible_FHW = video(3, 20, 31)
    done = CopyVisible().complete(frames_FHW3, visible_FHW, "a dog", 0)
    done.check(frames_FHW3)
    inside_FHW = visible_FHW == 255
    assert np.array_equal(done.rgb_FHW3[inside_FHW], frames_FHW3[inside_FHW])
    assert (done.rgb_FHW3[~inside_FHW] == 255).all()
    assert np.array_equal(done.amodal_FHW, visible_FHW)


def test_the_ceiling_is_the_truth_through_the_autoencoder_with_a_mask_found_in_it() -> None:
    whole_FHW3, visible_FHW = video(3, 32, 32)
    done = AutoencoderCeiling(vae(), FRAMING, 4, 120).reconstruct(whole_FHW3, visible_FHW)
    assert np.array_equal(done.rgb_FHW3, round_trip(vae(), whole_FHW3, 4))
    dark_FHW = done.rgb_FHW3.astype(float) @ [0.299, 0.587, 0.114] < 120
    assert np.array_equal(done.amodal_FHW == 255, dark_FHW)
    assert 0 < dark_FHW.mean() < 1


@pytest.mark.parametrize(("height", "width"), [(20, 31), (64, 48)])
def test_the_ceiling_has_the_inputs_size(height: int, width: int) -> None:
    whole_FHW3, visible_FHW = video(3, height, width)
    AutoencoderCeiling(vae(), FRAMING, 4, 120).reconstruct(whole_FHW3, visible_FHW).check(whole_FHW3)


# Methods by name.


def test_every_method_says_which_networks_it_needs() -> None:
    trained = {name: training_phases_of(name, METHODS) for name in METHODS}
    assert {name: phases for name, phases in trained.items() if phases} == {
        "ours/full": ("frame", "motion"),
        "ours/no_motion": ("frame",),
        "ours/no_text": ("frame", "motion"),
        "ours/hop2": ("frame", "motion"),
    }
    frozen = {name: method_of(name).networks for name in METHODS}
    assert {name: networks for name, networks in frozen.items() if networks} == {
        **dict.fromkeys(("ours/full", "ours/no_motion", "ours/no_text", "ours/hop2"), ("vae", "text_encoder")),
        "autoencoder/ceiling": ("vae",),
    }
    with pytest.raises(ValueError, match="'ours/fill' is unknown; did you mean 'ours/full'"):
        training_phases_of("ours/fill", METHODS)


def test_a_method_loads_the_backbones_and_the_network_of_its_last_training(tmp_path: Path) -> None:
    ctx = context(tmp_path, "completion", options={"seed": "3"})
    found = {name: network_indices(ctx, name, METHODS) for name in METHODS}
    backbones_index = ctx.results / "backbones" / "index.json"
    assert found["ours/no_motion"] == [backbones_index, ctx.results / "frame" / "full" / "seed3" / "index.json"]
    assert found["ours/no_text"] == [backbones_index, ctx.results / "motion" / "no_text" / "seed3" / "index.json"]
    assert found["autoencoder/ceiling"] == [backbones_index]
    assert found["copy_visible/plain"] == found["temporal_copy/plain"] == found["mean_colour/plain"] == []


def test_only_what_was_trained_is_run_with_every_training_seed() -> None:
    assert seeds_of("ours/no_motion", (3, 4), METHODS) == (3, 4)
    assert seeds_of("copy_visible/plain", (3, 4), METHODS) == (3,)
    assert seeds_of("autoencoder/ceiling", (3, 4), METHODS) == (3,)


def test_a_motion_model_needs_the_frame_model_of_its_variant() -> None:
    assert variants_trained(("ours/no_motion", "copy_visible/plain"), "frame", METHODS) == ("full",)
    assert variants_trained(("ours/no_motion", "copy_visible/plain"), "motion", METHODS) == ()
    assert variants_trained(("ours/hop2", "ours/no_text"), "frame", METHODS) == ("full", "no_text")
    assert variants_trained(("ours/hop2", "ours/no_text"), "motion", METHODS) == ("full", "no_text")


def test_a_method_changes_only_the_sampler_params_that_it_sets() -> None:
    assert sampler_of(MethodParams(), SAMPLER) == SAMPLER
    assert sampler_of(MethodParams(stride=1, guidance=1.0), SAMPLER) == SAMPLER.model_copy(
        update={"stride": 1, "guidance": 1.0}
    )
    assert sampler_of(MethodParams(steps=7), SAMPLER) == SAMPLER.model_copy(update={"steps": 7})
    whole = sampler_of(MethodParams(one_window=True), SAMPLER)
    assert windows(500, whole.clip_frames, whole.stride) == [range(500)]
    with pytest.raises(ValueError, match="leaves frames out"):
        sampler_of(MethodParams(stride=SAMPLER.clip_frames + 1), SAMPLER)


def test_a_completer_gets_only_the_input() -> None:
    frames_FHW3, visible_FHW = video(2, 8, 8)
    clip = Clip("s", "v", "t", frames_FHW3, visible_FHW, 255 - frames_FHW3, visible_FHW, 0 * visible_FHW)
    given = []

    class Spy:
        def complete(self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, text: str, seed: int) -> Completion:
            given.append((frames_FHW3, visible_FHW, text, seed))
            return Completion(frames_FHW3, visible_FHW)

    from_input(Spy())(clip, "a dog", 7)
    ((frames, visible, text, seed),) = given
    assert frames is clip.frames_FHW3
    assert visible is clip.visible_FHW
    assert (text, seed) == ("a dog", 7)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with tiny trained models."""
    root = tmp_path_factory.mktemp("trained")
    results, parts = context(root, "frame").results, backbones()
    for name in ("vae", "text_encoder", "tokenizer"):
        getattr(parts, name).save_pretrained(results / "backbones" / name)
    write_folder_index(results / "backbones", sorted(p for p in (results / "backbones").rglob("*") if p.is_file()))
    save_model(results / "frame" / "full" / "seed0", "unet", unet_12(), [])
    save_model(results / "motion" / "full" / "seed0", "unet", video_unet(), [])
    return root


def loaded(root: Path, name: str) -> Complete:
    """A method as the phase loads it."""
    indices = network_indices(context(root, "completion", options={"seed": "0"}), name, METHODS)
    folders = [index.parent for index in indices]
    setup = Setup(
        METHODS[name],
        backbones=folders[0] if folders else None,
        trained=folders[1] if len(folders) > 1 else None,
    )
    method = method_of(name)
    blocks = {block.split(".")[0]: BLOCKS[block.split(".")[0]] for block in method.params}
    complete: Complete = importlib.import_module(method.module).load(setup, **blocks)
    return complete


@pytest.mark.parametrize(("variant", "stride"), [("full", SAMPLER.stride), ("no_motion", SAMPLER.clip_frames)])
def test_our_methods_are_temporal_diffusion_with_the_trained_model(trained: Path, variant: str, stride: int) -> None:
    method = loaded(trained, f"ours/{variant}")
    frames_FHW3, visible_FHW = video(7, 32, 40)
    clip = Clip("s", "v", "t", frames_FHW3, visible_FHW, 255 - frames_FHW3, visible_FHW, 0 * visible_FHW)
    done = method(clip, "a dog", 3)
    model = video_noise_model(video_unet()) if variant == "full" else frame_noise_model(unet_12())
    sampler = SAMPLER.model_copy(update={"stride": stride})
    by_hand = TemporalDiffusion(
        model, backbones(), FRAMING, DIFFUSION, CONDITIONS, sampler, COMPLETION, COMPUTE, CPU
    ).complete(frames_FHW3, visible_FHW, "a dog", 3)
    assert np.array_equal(done.rgb_FHW3, by_hand.rgb_FHW3)
    assert np.array_equal(done.amodal_FHW, by_hand.amodal_FHW)


def test_without_motion_windows_do_not_overlap(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def counting(unet: Any) -> NoiseModel:
        model = frame_noise_model(unet)

        def predict(x_BCFhw: torch.Tensor, t_B: torch.Tensor, text_BND: torch.Tensor) -> torch.Tensor:
            seen.append(x_BCFhw.shape[0] * x_BCFhw.shape[2])
            return model(x_BCFhw, t_B, text_BND)

        return predict

    monkeypatch.setattr(ours, "frame_noise_model", counting)
    method = loaded(trained, "ours/no_motion")
    frames_FHW3, visible_FHW = video(8, 32, 32)
    method(Clip("s", "v", "t", frames_FHW3, visible_FHW, frames_FHW3, visible_FHW, 0 * visible_FHW), "a dog", 0)
    assert sum(seen) == 8 * 2 * SAMPLER.steps  # each frame with and without text


def test_the_ceiling_by_name_gets_the_ground_truth(trained: Path) -> None:
    method = loaded(trained, "autoencoder/ceiling")
    frames_FHW3, visible_FHW = video(3, 32, 32)
    clip = Clip("s", "v", "t", frames_FHW3, visible_FHW, 255 - frames_FHW3, visible_FHW, 0 * visible_FHW)
    done = method(clip, "", 0)
    assert np.array_equal(done.rgb_FHW3, round_trip(backbones().vae, clip.whole_FHW3, COMPUTE.vae_batch))


@pytest.mark.parametrize("baseline", [TemporalCopy(TRIVIAL), MeanColour(TRIVIAL)])
def test_trivial_baselines_by_name_get_the_input_and_their_params(
    tmp_path: Path, baseline: TemporalCopy | MeanColour
) -> None:
    name = {TemporalCopy: "temporal_copy/plain", MeanColour: "mean_colour/plain"}[type(baseline)]
    frames_FHW3, visible_FHW = video(3, 20, 31)
    clip = Clip("s", "v", "t", frames_FHW3, visible_FHW, 255 - frames_FHW3, visible_FHW, 0 * visible_FHW)
    done = loaded(tmp_path, name)(clip, "a dog", 3)
    by_hand = baseline.complete(frames_FHW3, visible_FHW, "", 0)
    assert np.array_equal(done.rgb_FHW3, by_hand.rgb_FHW3)
    assert np.array_equal(done.amodal_FHW, by_hand.amodal_FHW)


# The phase.


def run(root: Path, shard: int, shards: int, name: str = "copy_visible/plain", **changed: object) -> Context:
    method, variant = name.split("/")
    options = {"method": method, "variant": variant, "seed": "0"}
    ctx = context(root, "completion", shard=shard, shards=shards, options=options)
    completion_stage.run(ctx, methods=METHODS, evaluation=EVALUATION.model_copy(update=changed))
    return ctx


def shard_file(ctx: Context, shard: int) -> Path:
    """The path of a shard: contract 3."""
    return ctx.root / "results" / "fake" / "completion" / "copy_visible" / "plain" / "seed0" / f"shard-{shard:03d}.zip"


def test_samples_are_made_again_when_a_method_s_own_weights_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_scale(tmp_path, 5, 24, 30, TARGETS)
    weights, loaded, load = ["first"], [], copy_visible.load

    def noted(setup: Setup) -> Complete:
        loaded.append(weights[0])
        return load(setup)

    monkeypatch.setattr(copy_visible, "load", noted)
    monkeypatch.setattr(copy_visible, "local_weights", lambda setup: list(weights), raising=False)
    entry = replace(registry.REGISTRY["copy_visible"], local_weights=True)
    monkeypatch.setattr(registry, "REGISTRY", {**registry.REGISTRY, "copy_visible": entry})
    for each in ("first", "first", "second"):
        weights[0] = each
        run(tmp_path, 0, 2)
    assert loaded == ["first", "second"]
    assert registry.REGISTRY["ours_tracked"].local_weights


def test_every_sample_is_completed_in_one_shard_up_to_the_cap_of_frames(tmp_path: Path) -> None:
    scale = write_scale(tmp_path, 5, 24, 30, TARGETS)
    samples = []
    for shard in range(2):
        ctx = run(tmp_path, shard, 2)
        path = shard_file(ctx, shard)
        done = Completions(path)
        samples += done.samples()
        (made,) = read_index(path.with_suffix(".json")).values()
        assert made.facts == {"samples": dict.fromkeys(done.samples(), 3)}
        for sample in done.samples():
            clip = recipe_clips(scale).render(sample, range(3))
            expected = CopyVisible().complete(clip.frames_FHW3, clip.visible_FHW, "", 0)
            assert np.array_equal(done.read(sample).rgb_FHW3, expected.rgb_FHW3)
            meta = done.meta(sample)
            assert (meta.method, meta.variant, meta.train_seed, meta.sample_seed) == ("copy_visible", "plain", -1, 4)
            assert (meta.frames, meta.height, meta.width, meta.mask_source) == (3, 24, 30, "given")
    assert sorted(samples) == [f"{track}/r0" for track in TARGETS]


def test_a_run_with_fewer_shards_removes_the_other_shards(tmp_path: Path) -> None:
    write_scale(tmp_path, 5, 24, 30, TARGETS)
    for shard in range(3):
        ctx = run(tmp_path, shard, 3)
    ctx = run(tmp_path, 0, 1)
    assert sorted(p.name for p in shard_file(ctx, 0).parent.iterdir()) == ["shard-000.json", "shard-000.zip"]
    assert len(Completions(shard_file(ctx, 0)).samples()) == 3


def test_no_sample_of_another_split_is_completed(tmp_path: Path) -> None:
    write_scale(tmp_path, 5, 24, 30, TARGETS)
    ctx = run(tmp_path, 0, 1, split="dev")
    assert Completions(shard_file(ctx, 0)).samples() == ()


def test_a_completed_sample_is_not_completed_again_and_the_shard_has_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_scale(tmp_path, 5, 24, 30, TARGETS)
    path = shard_file(run(tmp_path, 0, 1), 0)
    first = path.read_bytes()
    path.unlink()
    (tmp_path / "scratch" / "fake" / "completion" / "copy_visible" / "plain" / "seed0" / "world--b--1--r0.zip").unlink()
    seeds: list[int] = []
    copy = CopyVisible.complete
    monkeypatch.setattr(CopyVisible, "complete", lambda self, *given: (seeds.append(given[3]), copy(self, *given))[1])
    run(tmp_path, 0, 1)
    assert len(seeds) == 1
    assert path.read_bytes() == first


def test_each_sample_has_its_own_seed_which_depends_on_the_sample_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_scale(tmp_path, 5, 24, 30, TARGETS)
    seeds: list[int] = []
    copy = CopyVisible.complete
    monkeypatch.setattr(CopyVisible, "complete", lambda self, *given: (seeds.append(given[3]), copy(self, *given))[1])
    run(tmp_path / ".", 0, 1)
    write_scale(tmp_path / "other", 5, 24, 30, TARGETS)
    run(tmp_path / "other", 0, 1, sample_seed=5)
    assert len(set(seeds)) == len(seeds) == 6


def test_an_unknown_method_is_named_with_the_known_ones(tmp_path: Path) -> None:
    write_scale(tmp_path, 5, 24, 30, TARGETS)
    with pytest.raises(BadInput, match="'ours/fill' is unknown; did you mean 'ours/full'"):
        run(tmp_path, 0, 1, "ours/fill")
