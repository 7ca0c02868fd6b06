"""ProgressiveAmodal as a method: what it is given, what it returns, which networks and names it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from tests.conftest import CLONE
from tests.unit.layouts import write
from tests.unit.params_project import copy_params, overlay, refusal
from tests.unit.progressive_toys import PARAMS, painter, square, unet_9
from tests.unit.sam_models import save_sam
from tests.unit.tiny_models import (
    COMPUTE,
    CONDITIONS,
    CPU,
    DIFFUSION,
    SAMPLER,
    backbones,
    context,
    unet_12,
    video,
)
from tgvac.bridge.graph import Graph
from tgvac.clips.clip import Clip
from tgvac.errors import BadInput
from tgvac.masks.runtime import Runtime
from tgvac.methods.contract import Setup
from tgvac.methods.params import MethodParams
from tgvac.methods.progressive import load, local_weights
from tgvac.methods.registry import label_of, network_files, training_phases_of
from tgvac.models.params import VariantParams
from tgvac.params import load_params
from tgvac.progressive.amodal_mask import by_grabcut, finder_of
from tgvac.progressive.canvas import Painted, Square
from tgvac.progressive.completer import ProgressiveAmodal
from tgvac.progressive.mixed_context import MixedContext, Names
from tgvac.progressive.networks import diffusion_of, whole_model
from tgvac.progressive.params import ProgressiveParams
from tgvac.training.outputs import save_model, write_folder_index

METHOD = MethodParams(trained="inpaint9", motion=False, occluders="oracle")


@pytest.fixture(autouse=True)
def _unpinned() -> Iterator[None]:
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(1)


class Red:
    """A painter that makes all of a square red, and says that the hole is the object."""

    def __init__(self) -> None:
        self.painted: list[tuple[Square, str, Names]] = []

    def paint(self, squares: Sequence[Square], text: str, names: Sequence[Names]) -> list[Painted]:
        self.painted += [(each, text, name) for each, name in zip(squares, names, strict=True)]
        red = [np.full_like(each.picture_SS3, (255, 0, 0)) for each in squares]
        return [Painted(picture, each.hole_SS) for picture, each in zip(red, squares, strict=True)]


def completer(red: Red, **params: Any) -> ProgressiveAmodal:
    block = PARAMS.model_copy(update=params)
    find = finder_of(block, load_params(CLONE, "tiny").masks, Runtime())
    return ProgressiveAmodal(cast("MixedContext", red), find, block)


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three frames of 96 x 96: an object that is whole, one behind an occluder, and one that is not seen."""
    frames_FHW3 = np.full((3, 96, 96, 3), 90, np.uint8)
    visible_FHW, occluder_FHW = np.zeros((2, 3, 96, 96), np.uint8)
    visible_FHW[:2, 40:60, 30:50] = 255
    occluder_FHW[1:, 40:60, 50:62] = 255
    return frames_FHW3, visible_FHW, occluder_FHW


def test_only_a_frame_in_which_something_is_in_front_is_painted() -> None:
    red = Red()
    frames_FHW3, visible_FHW, occluder_FHW = scene()
    done = completer(red, iterations=1).complete(frames_FHW3, visible_FHW, occluder_FHW, "a dog", 5)
    done.check(frames_FHW3)
    assert [(text, name) for _, text, name in red.painted] == [("a dog", (5, 1, 0))]
    assert np.array_equal(done.amodal_FHW[0], visible_FHW[0])
    assert (done.rgb_FHW3[0][visible_FHW[0] > 0] == 90).all()
    assert not done.amodal_FHW[2].any()
    assert (done.rgb_FHW3[2] == 255).all()


def test_the_object_is_cut_out_on_white_where_it_is_in_the_frame() -> None:
    frames_FHW3, visible_FHW, occluder_FHW = scene()
    done = completer(Red()).complete(frames_FHW3, visible_FHW, occluder_FHW, "a dog", 5)
    # Seen in columns 30 to 50, hidden to 62; grown by a pixel, and resampled.
    assert (done.amodal_FHW[1][42:58, 31:61] == 255).all()
    around = np.ones((96, 96), bool)
    around[37:63, 27:66] = False
    assert not done.amodal_FHW[1][around].any()
    inside = done.amodal_FHW[1] > 0
    assert (done.rgb_FHW3[1][~inside] == 255).all()
    assert (done.rgb_FHW3[1][42:58, 31:61] == (255, 0, 0)).all()


def test_frames_have_noise_of_their_own_by_their_number_in_the_video() -> None:
    frames_FHW3, visible_FHW, occluder_FHW = (each[1:2].repeat(2, 0) for each in scene())
    red = Red()
    completer(red, iterations=1).complete(frames_FHW3, visible_FHW, occluder_FHW, "", 5, first=10)
    assert [name for _, _, name in red.painted] == [(5, 10, 0), (5, 11, 0)]


def test_an_object_that_reaches_the_border_is_painted_again_until_the_iterations_end() -> None:
    class Grows(Red):
        def paint(self, squares: Sequence[Square], text: str, names: Sequence[Names]) -> list[Painted]:
            found = super().paint(squares, text, names)
            return [replace(each, object_SS=np.full_like(each.object_SS, 255)) for each in found]

    frames_FHW3, visible_FHW = np.full((1, 96, 96, 3), 90, np.uint8), np.zeros((1, 96, 96), np.uint8)
    visible_FHW[0, 40:60, :20] = 255
    for iterations in (1, 2):
        red = Grows()
        done = completer(red, iterations=iterations).complete(frames_FHW3, visible_FHW, 0 * visible_FHW, "", 0)
        assert [name[2] for _, _, name in red.painted] == list(range(iterations))
        done.check(frames_FHW3)


@pytest.mark.parametrize("which", [1, 2])
def test_masks_that_do_not_fit_the_video_are_refused(which: int) -> None:
    given = list(scene())
    given[which] = given[which] // 2
    with pytest.raises(BadInput, match="masks hold values other than 0 and 255"):
        completer(Red()).complete(*given, "", 0)
    given[which] = given[which][:, :50]
    with pytest.raises(BadInput, match="give one mask a frame, of the frame's size"):
        completer(Red()).complete(*given, "", 0)


def test_grabcut_finds_what_was_painted_in_the_object_s_colours() -> None:
    one = square(64)
    grain = np.random.Generator(np.random.PCG64(1)).integers(0, 9, (64, 64, 3))
    picture_SS3 = (np.array([60, 140, 70]) + grain).astype(np.uint8)
    # The object goes on in the upper half of the hole; the clusters say all of the hole.
    picture_SS3[16:48, 16:32] = (40, 60, 250)
    picture_SS3[16:32, 32:56] = (40, 60, 250)
    found_SS = by_grabcut(one, Painted(picture_SS3, one.hole_SS), ("n",))
    assert (found_SS[17:31, 17:55] == 255).all()
    assert not found_SS[33:47, 34:55].any()
    assert not found_SS[:15].any()


def test_sam_draws_the_object_in_a_box_around_clusters_and_what_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = load_params(CLONE, "tiny").masks
    sam = masks.sam.model_copy(update={"weights": str(save_sam(tmp_path / "sam"))})
    find = finder_of(PARAMS.model_copy(update={"amodal": "sam"}), masks.model_copy(update={"sam": sam}), Runtime())
    boxes: list[Any] = []

    def draw(self: Any, frames: Sequence[np.ndarray], given: Sequence[Any]) -> list[np.ndarray]:
        boxes.extend(given)
        logits = np.full(frames[0].shape[:2], -1, np.float32)
        logits[:4, :4] = 1
        return [logits]

    monkeypatch.setattr("tgvac.masks.sam.Sam.draw", draw)
    one = square()
    found_SS = find(one, Painted(one.picture_SS3, one.hole_SS), ("n",))
    ((x, y, w, h),) = [(box.x, box.y, box.w, box.h) for box in boxes]
    assert (x, y, w, h) == (8, 8, 20, 16), "from the object's left side to the hole's right one"
    assert (found_SS[:4, :4] == 255).all()
    assert (found_SS[one.object_SS > 0] == 255).all()
    assert found_SS.astype(bool).sum() == 16 + (one.object_SS > 0).sum()


# Its networks.


def variant(**changes: Any) -> VariantParams:
    return VariantParams(layout="inpaint", latents="scaled", steps=0, **changes)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Backbones and a trained inpainting network."""
    results, parts = context(tmp_path, "frame").results, backbones()
    for name in ("vae", "text_encoder", "tokenizer"):
        getattr(parts, name).save_pretrained(results / "backbones" / name)
    write_folder_index(results / "backbones", sorted(p for p in (results / "backbones").rglob("*") if p.is_file()))
    save_model(results / "frame" / "inpaint9" / "seed0", "unet", unet_9(), [])
    save_model(results / "frame" / "full" / "seed0", "unet", unet_12(), [])
    return results


def loaded(results: Path, method: MethodParams = METHOD, trained: str = "inpaint9", **changes: Any) -> Any:
    setup = Setup(method, results / "backbones", results / "frame" / trained / "seed0", root=results)
    blocks: dict[str, Any] = {
        "diffusion": DIFFUSION,
        "conditions": CONDITIONS,
        "variants": {"inpaint9": variant()},
        "sampler": SAMPLER,
        "progressive": PARAMS,
        "masks": load_params(CLONE, "tiny").masks,
        "compute": COMPUTE,
    }
    return load(setup, **(blocks | changes))


def clip(**changes: Any) -> Clip:
    frames_FHW3, visible_FHW = video(2, 48, 64)
    occluder_FHW = np.roll(visible_FHW, 16, axis=2) & ~visible_FHW
    found = Clip("s", "v", "t", frames_FHW3, visible_FHW, 255 - frames_FHW3, visible_FHW | occluder_FHW, occluder_FHW)
    return replace(found, **changes)


def test_the_oracle_reads_the_true_occluder_and_nothing_else_of_the_truth(folders: Path) -> None:
    complete, given = loaded(folders), clip()
    done = complete(given, "a dog", 3)
    done.check(given.frames_FHW3)
    other = clip(whole_FHW3=given.frames_FHW3, amodal_FHW=0 * given.amodal_FHW)
    again = complete(other, "a dog", 3)
    assert np.array_equal(done.rgb_FHW3, again.rgb_FHW3)
    assert not np.array_equal(done.rgb_FHW3, complete(given, "a dog", 4).rgb_FHW3), "the seed is that of the noise"
    free = complete(clip(occluder_FHW=0 * given.occluder_FHW), "a dog", 3)
    assert not np.array_equal(done.amodal_FHW, free.amodal_FHW)
    by_hand = ProgressiveAmodal(painter(), lambda one, made, names: one.object_SS | made.object_SS, PARAMS)
    wanted = by_hand.complete(given.frames_FHW3, given.visible_FHW, given.occluder_FHW, "a dog", 3)
    assert np.array_equal(done.rgb_FHW3, wanted.rgb_FHW3)


@pytest.mark.parametrize("source", ["around", "outside"])
def test_without_the_oracle_the_truth_is_not_read(folders: Path, source: Any) -> None:
    complete, given = loaded(folders, METHOD.model_copy(update={"occluders": source})), clip()
    done = complete(given, "a dog", 3)
    blind = complete(clip(occluder_FHW=0 * given.occluder_FHW), "a dog", 3)
    assert np.array_equal(done.rgb_FHW3, blind.rgb_FHW3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": MethodParams(trained="inpaint9")}, "has no occluders; set it to oracle"),
        ({"variants": {"inpaint9": VariantParams(layout="inpaint")}}, "variants.inpaint9 has unscaled latents"),
        ({"progressive": PARAMS.model_copy(update={"block": 2})}, "has 2 decoder blocks, from 0 to 1"),
        ({"progressive": PARAMS.model_copy(update={"size": 36})}, "progressive.size 36 does not fit"),
        ({"trained": "full"}, "has 12 input channels, and an inpainting model 9"),
        ({"method": METHOD.model_copy(update={"published": "nowhere"})}, "published 'nowhere' of .* is not a f"),
    ],
)
def test_what_cannot_paint_is_refused_in_a_sentence(
    folders: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], message: str
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match=message):
        loaded(folders, **changes)


def test_a_whole_model_comes_with_its_own_schedule_and_text_encoder(folders: Path) -> None:
    model = folders / "model"
    for name in ("vae", "text_encoder", "tokenizer"):
        getattr(backbones(), name).save_pretrained(model / name)
    unet_9().save_pretrained(model / "unet")
    scheduler = {"beta_schedule": "scaled_linear", "beta_start": 0.001, "beta_end": 0.01}
    write(model / "scheduler" / "scheduler_config.json", json.dumps(scheduler | {"prediction_type": "v_prediction"}))
    found = whole_model("model", PARAMS, folders, CPU)
    assert (found.diffusion.beta_start, found.diffusion.beta_end) == (0.001, 0.01)
    assert (found.diffusion.prediction, found.diffusion.train_steps) == ("v", 1000)
    assert diffusion_of({}).prediction == "epsilon"
    option = "--model model"
    with pytest.raises(BadInput, match=r"^--model model halves its squares"):
        whole_model("model", PARAMS.model_copy(update={"size": 36}), folders, CPU, option)
    with pytest.raises(BadInput, match=r"^--model model has 2 decoder blocks"):
        whole_model("model", PARAMS.model_copy(update={"block": 2}), folders, CPU, option)
    for key, value in (("trained_betas", [0.1, 0.2]), ("thresholding", True), ("beta_schedule", "squaredcos_cap_v2")):
        write(model / "scheduler" / "scheduler_config.json", json.dumps(scheduler | {key: value}))
        with pytest.raises(BadInput, match=f"^published 'model' of .* cannot be loaded .*{key}"):
            whole_model("model", PARAMS, folders, CPU)
    write(model / "scheduler" / "scheduler_config.json", json.dumps(scheduler | {"prediction_type": "v_prediction"}))
    blocks = {"progressive": PARAMS, "masks": load_params(CLONE, "tiny").masks}
    setup = Setup(METHOD.model_copy(update={"published": "model"}), root=folders)
    before = local_weights(setup, **blocks)
    write(model / "unet" / "note.txt", "other")
    assert local_weights(setup, **blocks) != before, "other weights are other completions"
    assert local_weights(Setup(METHOD, root=folders), **blocks) == []


def test_a_whole_model_needs_neither_a_training_nor_the_scale_s_backbones(folders: Path) -> None:
    """As at the paper's scale, where the row is part of Table 2."""
    params = load_params(CLONE, "paper")
    assert "progressive/oracle" in params.evaluation.methods
    assert network_files("progressive/oracle", params.methods, "0") == ()
    assert "inpaint9" not in [variant for variant, _ in params.trainings("frame")]
    assert Graph("paper", params, {}).outputs() == {}, "a hub's name is no file of a run"


# Its params.

SCALE = """
extends: smoke
backbones: {origin: shipped}
diffusion: {prediction: v}
variants: {inpaint9: {start: standins/inpaint9}}
methods: {progressive/oracle: {published: null, seeds: [0]}}
evaluation: {methods: [progressive/oracle, copy_visible/plain]}
"""


def test_a_scale_evaluates_it_with_a_network_that_is_not_trained(tmp_path: Path) -> None:
    copy_params(tmp_path)
    overlay(tmp_path, SCALE)
    params = load_params(tmp_path, "mine")
    graph = Graph("mine", params, {})
    assert graph.trained("frame") == [("inpaint9", 0)]
    assert graph.trained("motion") == []
    assert training_phases_of("progressive/oracle", params.methods) == ("frame",)
    assert params.variants["inpaint9"].steps == 0
    assert params.latents.holes == 0, "only a training needs holes"
    assert params.baseline_variants == [], "what is not trained is not shipped"
    assert label_of("progressive/oracle") == "ProgressiveAmodal, oracle occluder"


def test_a_network_that_is_trained_still_needs_holes(tmp_path: Path) -> None:
    copy_params(tmp_path)
    overlay(tmp_path, SCALE.replace("{start: standins/inpaint9}", "{steps: 5}"))
    assert "variants.inpaint9 fills holes, but latents.holes is 0" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("progressive/plain: {trained: inpaint9, occluders: oracle}", "call such a method progressive/<occluders>"),
        ("progressive/oracle: {occluders: around}", "methods.progressive/oracle.occluders is 'around'"),
        ("ours/full: {occluders: oracle}", "methods.ours/full.occluders is set, but the method is not told them"),
    ],
)
def test_a_row_s_name_says_who_tells_the_occluders(tmp_path: Path, method: str, message: str) -> None:
    copy_params(tmp_path)
    overlay(
        tmp_path,
        SCALE.replace("methods: {progressive/oracle: {published: null, seeds: [0]}}", f"methods: {{{method}}}"),
    )
    assert message in refusal(tmp_path)


def test_the_authors_settings_are_those_of_params_yaml() -> None:
    params = load_params(CLONE, "paper")
    block: ProgressiveParams = params.progressive
    assert (block.size, block.margin, block.touched_margin, block.gap, block.canvas) == (512, 60, 60, 10, 6)
    assert (block.grow, block.swap, block.block, block.clusters, block.cluster_share) == (6, 0.7, 2, 4, 0.2)
    method = params.methods["progressive/oracle"]
    assert (method.steps, method.guidance, method.motion) == (50, 7.5, False)
