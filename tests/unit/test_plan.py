"""``tgvac plan``: counts, work of each phase, hours, tables."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from tests.unit.params_project import ROOT, copy_params, overlay
from tests.unit.plan_project import COSTS, RoundModels, called, counts, method_params
from tests.unit.test_cost_walk import backbones
from tests.unit.tiny_models import MOTION_MODULE, recipe, write_scale
from tgvac.errors import BadInput
from tgvac.files import write_json
from tgvac.models.cost.networks import Networks
from tgvac.models.cost.walk import forward_flops
from tgvac.models.params import VariantParams
from tgvac.params import load_params
from tgvac.planning import evaluating, training
from tgvac.planning.counts import Footage, Given, count_data
from tgvac.planning.model_costs import ModelCosts
from tgvac.planning.plan import make_plan, networks_of
from tgvac.planning.reference import load_costs
from tgvac.planning.tables import as_text, disk, markdown, si
from tgvac.planning.work import Work, gpu_hours


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Params and references, and no results."""
    copy_params(tmp_path)
    shutil.copytree(ROOT / "reference", tmp_path / "reference")
    return tmp_path


ROUND = cast(ModelCosts, RoundModels())


def test_the_paper_s_scale_is_counted_as_its_table_1_if_it_has_not_been_run(project: Path) -> None:
    found = count_data(project, "paper", load_params(project, "paper"), COSTS)
    assert (found.tracks, len(found.recipes), found.pairs) == (1400, 6940, 837_000)
    assert found.frames == 24 * 57 + 332 * 113 + 1044 * 1797
    # A fifth of each source's objects with all of their samples; a tenth of the rest is dev.
    assert len(found.split("val")) == pytest.approx(1388, abs=10)
    assert len(found.split("dev")) == pytest.approx(0.1 * 0.8 * 6940, abs=15)
    assert {r.frames for r in found.recipes} == {57, 113, 126}, "cut at synthesis.max_frames"
    assert "Table 1" in found.origin
    assert not found.real


def test_a_world_that_is_not_made_yet_is_counted_by_its_params(project: Path) -> None:
    params = load_params(project, "smoke")
    found = count_data(project, "smoke", params, COSTS)
    world, each = params.sources.world, params.synthesis.per_object
    assert (found.tracks, len(found.recipes), found.pairs) == (
        world.videos.davis,
        each * world.videos.davis,
        world.pairs,
    )


def test_a_finished_run_is_counted_as_it_is(project: Path) -> None:
    ctx = write_scale(project, 6, 32, 32, ["world/fish-0/1", "world/fish-1/1"])
    index = ctx.results / "tracks" / "index.json"
    record = json.loads(index.read_text())
    for entry in record["entries"]:
        entry["facts"] = {"frames": 6}
    write_json(index, record)
    write_json(ctx.results / "sources" / "manifest.json", {"pairs": {}})
    overlay(project, "extends: smoke\n", "fake")
    found = count_data(project, "fake", load_params(project, "fake"), COSTS)
    assert found.real
    assert found.footage == (Footage("world", "davis", 3, 18),)
    assert [r.recipe for r in found.recipes] == ["world/fish-0/1/r0", "world/fish-1/1/r0"]


def test_footage_of_the_user_s_own_is_counted_as_given(project: Path) -> None:
    params = load_params(project, "local")
    found = count_data(project, "local", params, COSTS, Given(objects=10, frames=40))
    assert found.footage == (Footage("davis", "davis", 10, 400),)
    assert len(found.recipes) == 10 * params.synthesis.per_object
    assert {r.frames for r in found.recipes} == {params.synthesis.max_frames}


def test_completion_is_windows_times_steps_times_guidance_and_the_autoencoder(project: Path) -> None:
    methods = "[ours/full, ours/full_g1, ours/no_motion, copy_visible/plain, autoencoder/ceiling]"
    params = method_params(project, f"evaluation: {{methods: {methods}, frames: 18}}\nsampler: {{stride: 4}}\n")
    assert (params.sampler.clip_frames, params.sampler.steps, params.compute.vae_batch) == (14, 3, 8)
    data = counts(recipe("a/1/r0", "a/1", 30, "val"), recipe("b/1/r0", "b/1", 30, "train"))
    found = {w.what: w for w in evaluating.completion(params, data, ROUND, COSTS)}
    # 18 frames are two windows of 14; the autoencoder sees three full batches of 8.
    around = 24 * (2 * 10_000 + 1_000) + 2 * 100
    assert found["ours/full"].flops == 3 * 2 * (2 * 2 * 14) + around
    assert found["ours/full_g1"].flops == 3 * 1 * (2 * 2 * 14) + around
    assert found["ours/no_motion"].flops == 3 * 2 * 28 + around, (
        "stride 14, and a last window that ends at the last frame"
    )
    assert found["copy_visible/plain"].flops == 0
    assert found["autoencoder/ceiling"].flops == 24 * 11_000
    assert {w.count for w in found.values()} == {18}
    evaluations = {name: w.evaluations for name, w in found.items() if w.evaluations}
    assert evaluations == {"ours/full": 3 * 2 * 28, "ours/full_g1": 3 * 28, "ours/no_motion": 3 * 2 * 28}


def test_trained_methods_are_completed_once_per_seed(project: Path) -> None:
    params = method_params(
        project, "evaluation: {methods: [ours/full, copy_visible/plain], train_seeds: [0, 1], frames: 18}\n"
    )
    found = list(evaluating.completion(params, counts(recipe("a/1/r0", "a/1", 18, "val")), ROUND, COSTS))
    assert [w.what for w in found] == ["ours/full seed 0", "ours/full seed 1", "copy_visible/plain"]
    (measured,) = evaluating.metrics(params, counts(recipe("a/1/r0", "a/1", 18, "val")), ROUND)
    # Whole frames are the headline's windows, so there are two looks: they, and the box. The truth counts once.
    assert (measured.count, measured.flops) == (54, 2 * 7 * (54 + 18) + 54 * 2 * 3)
    follow = params.model_copy(
        update={
            "framing": params.framing.model_copy(update={"mode": "follow"}),
            "metrics": params.metrics.model_copy(update={"lpips_also": ("vgg",)}),
        }
    )
    (measured,) = evaluating.metrics(follow, counts(recipe("a/1/r0", "a/1", 18, "val")), ROUND)
    assert measured.flops == 3 * 7 * (54 + 18) + 54 * (3 * 3 + 3)


def test_every_variant_that_a_method_needs_is_trained(project: Path) -> None:
    params = method_params(
        project,
        "evaluation: {methods: [ours/full, ours/no_motion, ours/no_mask]}\nsamples: {every: 0}\n"
        "frame: {steps: 100, warmup: 0, batch: 8, pairs_share: 0.5}\nmotion: {steps: 50, warmup: 0, batch: 2}\n"
        "checkpoints: {every: 30, seconds: 0, keep: 3}\n",
    )
    data = counts(pairs=20)
    frame, motion = (list(training.stage(name, params, data, ROUND, COSTS)) for name in ("frame", "motion"))
    assert [w.what for w in frame] == [w.what for w in motion] == ["full seed 0", "no_mask seed 0"]
    assert frame[0].flops == 100 * 8 * 3
    assert motion[0].flops == 50 * 2 * 5 * 14
    tuned = params.model_copy(update={"variants": {**params.variants, "full": VariantParams(steps=0)}})
    assert [w.count for w in training.stage("frame", tuned, data, ROUND, COSTS)] == [0, 100], "steps of a variant"
    # 20 pairs and 3 tracks have a sentence each, encoded once by phase latents, or by the training without a cache.
    bare = params.model_copy(update={"latents": params.latents.model_copy(update={"cache": False})})
    live, moving = (next(training.stage(name, bare, data, ROUND, COSTS)) for name in ("frame", "motion"))
    # A sample of one frame takes its chunk of 8, one of 14 frames two or three chunks; three images per frame.
    assert live.flops == 100 * 8 * (3 + 3 * 8 * 10_000) + 23 * 100
    assert moving.flops == 50 * 2 * (5 * 14 + 3 * 21 * 10_000) + 3 * 100
    silent = params.model_copy(update={"captions": params.captions.model_copy(update={"pairs": "empty"})})
    silent = silent.model_copy(update={"latents": params.latents.model_copy(update={"texts": 0})})
    assert next(training.stage("frame", silent, data, ROUND, COSTS)).flops == 100 * 8 * 3 + 3 * 100, "of tracks alone"
    few = params.model_copy(update={"latents": params.latents.model_copy(update={"texts": 5})})
    assert next(training.stage("frame", few, data, ROUND, COSTS)).flops == 100 * 8 * 3 + 18 * 100
    assert next(training.stage("motion", few, data, ROUND, COSTS)).flops == 50 * 2 * 5 * 14, (
        "those of tracks are kept first"
    )
    assert (motion[0].bytes, motion[0].scratch) == (15 * 4, 2 * 4 * 5 * 4), "two of 50 steps' checkpoints"
    timed = params.model_copy(update={"checkpoints": params.checkpoints.model_copy(update={"seconds": 300.0})})
    slow = next(training.stage("motion", timed, data, ROUND, COSTS))
    assert slow.scratch == 3 * 4 * 5 * 4, "with a time limit, all that are kept may be there"


def test_sentences_beyond_what_is_cached_and_remembered_are_encoded_at_every_draw(project: Path) -> None:
    text = "samples: {every: 0}\nframe: {steps: 100, warmup: 0, batch: 8}\nlatents: {texts: 0}\n"
    params = method_params(project, text)
    many = next(training.stage("frame", params, counts(pairs=training.REMEMBERED), ROUND, COSTS))
    assert many.flops == 100 * 8 * (3 + 100)


def test_sample_images_along_a_training_are_counted(project: Path) -> None:
    text = "motion: {{steps: 50, warmup: 0}}\nsamples: {{every: {}, pictures: 4, sampling_steps: 2, guidance: 1.0}}\n"
    none, some = (
        next(training.stage("motion", method_params(project, text.format(every)), counts(), ROUND, COSTS)).flops
        for every in (0, 20)
    )
    # Steps 20, 40 and the last, of one clip of 14 frames: 16 with the autoencoder's full batches.
    assert some - none == 3 * (2 * 28 + 16 * 1_000) + 2 * 16 * 10_000 + 2 * 100


def test_latents_are_three_encodings_and_four_tensors_per_frame(project: Path) -> None:
    params = load_params(project, "smoke")
    own = Networks(params.backbones, params.motion_module, params.framing.size)

    @dataclass
    class WithNetworks(RoundModels):
        networks: Networks = own

    data = counts(recipe("a/1/r0", "a/1", 18, "train"), recipe("b/1/r0", "b/1", 18, "val"), pairs=5)
    models = cast(ModelCosts, WithNetworks())
    clips, pairs, texts = training.latents(params, data, models)
    assert (clips.count, clips.flops) == (18, 3 * 24 * 10_000)
    assert (pairs.count, pairs.flops) == (5, 3 * 5 * 10_000)
    assert clips.bytes == 18 * 4 * (4 * 16 * 16) * 4, "latents of 64 pixels are 16 x 16"
    assert (texts.count, texts.flops, texts.bytes) == (8, 8 * 100, 8 * 32 * 32 * 4), "32 tokens of 32 numbers"

    def another(mode: str = "frame", **changes: Any) -> list[Work]:
        block = params.latents.model_copy(update=changes)
        framing = params.framing.model_copy(update={"mode": mode})
        return list(training.latents(params.model_copy(update={"latents": block, "framing": framing}), data, models))

    drawn = another(mask_draws=3)[0]
    assert (drawn.flops, drawn.bytes) == (5 * 24 * 10_000, 18 * 6 * (4 * 16 * 16) * 4), "two further masks"
    drawn = another("follow", mask_draws=3)[0]
    assert (drawn.flops, drawn.bytes) == (9 * 24 * 10_000, 18 * 12 * (4 * 16 * 16) * 4), "all of it three times"
    assert [(w.flops, w.bytes) for w in another(cache=False)] == [(0, 0), (0, 0)]


def test_the_video_model_s_flops_follow_from_three_lengths_for_every_length() -> None:
    for block in ("animatediff", "paper"):
        module = MOTION_MODULE.model_copy(update={"block": block})
        models = ModelCosts(Networks(backbones(origin="train"), module, 32))
        networks = models.networks
        walked = forward_flops(partial(networks.noise_model("motion"), *networks.noise_input(1, 7)))
        assert models.motion_forward(7) == walked


def test_hours_follow_from_flops_at_a_share_of_the_peak() -> None:
    a100 = COSTS.gpus["a100"]
    assert gpu_hours(312 * 10**12 * 3600, a100, "bfloat16", 0.25) == pytest.approx(4)
    assert gpu_hours(312 * 10**12 * 3600, a100, "float16", 0.25) == pytest.approx(4), "as fast as bfloat16"
    assert gpu_hours(195 * 10**11 * 3600, a100, "float32", 0.25) == pytest.approx(4)
    with pytest.raises(ValueError, match="precision 'fp8' is not one of"):
        gpu_hours(1, a100, "fp8", 0.5)


def test_plans_add_up_and_their_jobs_are_those_of_the_graph(project: Path) -> None:
    finished = project / "results" / "smoke" / "select"
    finished.mkdir(parents=True)
    for name in ("stretches.parquet", "tracks.parquet"):
        (finished / name).write_bytes(b"75" * 500)
    plan = make_plan(project, "smoke")
    by_name = {each.phase: each for each in plan.phases}
    params = load_params(project, "smoke")
    assert by_name["tracks"].jobs == params.shards.data + 1
    assert by_name["select"].on_disk == 2000
    assert by_name["tracks"].on_disk is None
    assert "2.0 kB*" in as_text(plan, COSTS, 0.5, details=False)
    assert (by_name["frame"].jobs, by_name["motion"].jobs) == (1, 1)
    assert by_name["completion"].jobs == len(params.evaluation.methods) * params.shards.evaluation
    assert by_name["metrics"].jobs == by_name["completion"].jobs + 1
    assert all(each.flops == sum(w.flops for w in each.lines) for each in plan.phases)
    assert by_name["frame"].flops > 0
    assert by_name["latents"].flops > 0
    assert by_name["backbones"].flops > by_name["frame"].flops / 100, "stand-ins are trained by this run"


def test_plan_prints_a_table_or_json(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    assert called("--scale", "smoke", "--details") == 0
    text = capsys.readouterr().out
    assert "| frame " in text
    assert "full seed 0: 24 steps" in text
    assert re.search(r"^completion: [\d,]+ UNet evaluations", text, re.MULTILINE)
    assert called("--scale", "smoke", "--json", "--utilisation", "0.5") == 0
    half = json.loads(capsys.readouterr().out)
    assert half["format"] == "tgvac-plan-2"
    assert half["utilisation"] == 0.5
    frame = next(each for each in half["phases"] if each["phase"] == "frame")
    assert frame["gpu_hours"]["a100"] == pytest.approx(frame["flops"] / (156e12 * 0.5) / 3600), "as the params have it"
    assert [each["phase"] for each in half["phases"]][-1] == "report"


def test_each_training_s_hours_are_in_its_own_precision_unless_another_is_given(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    overlay(project, "extends: smoke\nmotion: {precision: bfloat16}\n")
    assert called("--scale", "mine", "--json", "--utilisation", "0.5") == 0
    found = json.loads(capsys.readouterr().out)
    frame, motion = (next(p for p in found["phases"] if p["phase"] == name) for name in ("frame", "motion"))
    assert frame["gpu_hours"]["a100"] == pytest.approx(frame["flops"] / (156e12 * 0.5) / 3600)
    assert motion["gpu_hours"]["a100"] == pytest.approx(motion["flops"] / (312e12 * 0.5) / 3600)
    assert found["precision"] is None, "there are two"
    assert [work["precision"] for work in motion["work"]] == ["bfloat16"]
    assert called("--scale", "mine", "--utilisation", "0.5") == 0
    text = capsys.readouterr().out
    assert "GPU-hours at 50% of the peak" in text
    assert "\nbfloat16 in motion: A6000 154.8 TFLOPS, A100 312 TFLOPS" in text
    all_else = "backbones, latents, frame, completion, metrics"
    assert f"\ntf32 (float32 with compute.tf32) in {all_else}: A6000 77.4 TFLOPS, A100 156 TFLOPS" in text
    assert called("--scale", "mine", "--json", "--utilisation", "0.5", "--precision", "tf32") == 0
    asked = json.loads(capsys.readouterr().out)
    motion = next(p for p in asked["phases"] if p["phase"] == "motion")
    assert motion["gpu_hours"]["a100"] == pytest.approx(motion["flops"] / (156e12 * 0.5) / 3600)
    assert asked["precision"] == "tf32"


def test_without_tf32_hours_in_float32_are_at_its_own_peak(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    overlay(project, "extends: smoke\ncompute: {tf32: false}\n")
    plan = make_plan(project, "mine")
    assert {line.precision for each in plan.phases for line in each.lines if line.flops} == {"float32"}
    text = as_text(plan, COSTS, 0.5, details=False)
    assert "\nfloat32 (without compute.tf32) in backbones, latents, frame" in text
    assert "metrics: A6000 38.7 TFLOPS, A100 19.5 TFLOPS" in text


def test_a_scale_that_is_run_first_for_its_stand_ins_is_named(project: Path) -> None:
    plan = make_plan(project, "standins-completion")
    assert plan.before == "standins"
    said = "Scale standins is run first for its stand-ins, and is not counted here."
    assert said in as_text(plan, COSTS, 0.5, details=False).splitlines()
    assert make_plan(project, "smoke").before == "", "it trains its own"


def refused(message: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
    assert called(*arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_wrong_options_are_refused_in_one_sentence(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    refused("No peaks are known for precision 'fp8'", capsys, "--scale", "smoke", "--precision", "fp8")
    refused("--objects and --frames are both needed", capsys, "--scale", "local", "--objects", "3")


def test_a_network_of_unknown_shapes_is_refused(project: Path) -> None:
    networks = Networks(backbones(stable_diffusion="stable-diffusion-v1-5/stable-diffusion-v15"), MOTION_MODULE, 256)
    with pytest.raises(BadInput, match=r"The shapes of backbones\.stable_diffusion .* did you mean"):
        _ = networks.vae


def test_the_networks_of_a_finished_run_are_counted(project: Path) -> None:
    params = load_params(project, "smoke")
    own = Networks(params.backbones, params.motion_module, 64)
    folder = project / "results" / "smoke" / "backbones"
    for part in ("vae", "unet"):
        (folder / part).mkdir(parents=True)
    own.vae.save_config(folder / "vae")
    config = dict(json.loads((folder / "vae" / "config.json").read_text()), block_out_channels=[8, 8, 8])
    write_json(folder / "vae" / "config.json", config)
    write_json(folder / "index.json", {"format": "tgvac-index-1", "entries": []})
    found = networks_of(project, "smoke", params)
    assert found.folder == folder
    assert found.vae.config.block_out_channels == [8, 8, 8]


def test_costs_with_a_missing_key_are_refused(project: Path) -> None:
    path = project / "reference" / "costs.yaml"
    path.write_text(path.read_text().replace("overhead_gib: 1.5", ""))
    with pytest.raises(BadInput, match="overhead_gib"):
        load_costs(project)


def test_numbers_are_written_for_people() -> None:
    assert (si(8.67e15), si(950)) == ("8.7 P", "950")
    assert (disk(54_857_000_000), disk(3_438_000_000), disk(0)) == ("55 GB", "3.4 GB", "–")
    assert markdown([["a", "b", "c"], ["x", "y", "10"]]).splitlines()[1] == "|---|---|---:|"
