"""What a plan says of masks and captions: which networks make them, and what these cost."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.unit.params_project import ROOT, copy_params
from tests.unit.plan_project import COSTS, RoundModels, counts, method_params
from tests.unit.tiny_models import recipe
from tgvac.params import load_params
from tgvac.planning import captioning, evaluating, labelling, segmenting
from tgvac.planning.counts import Footage
from tgvac.planning.model_costs import ModelCosts
from tgvac.planning.work import Work


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Params and references, and no results."""
    copy_params(tmp_path)
    shutil.copytree(ROOT / "reference", tmp_path / "reference")
    return tmp_path


ROUND = cast(ModelCosts, RoundModels())


def test_a_method_that_tracks_costs_its_tracker_once_a_frame(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenting, "sam2_costs", lambda params: (100, lambda memories: memories))
    overlay = "evaluation: {methods: [ours_tracked/mask], frames: 18}\nmasks: {first: %s}\n"
    data, found = counts(recipe("a/1/r0", "a/1", 18, "val")), {}
    for tracker in ("sam2", "follow"):
        params = method_params(project, overlay % tracker)
        completing, found[tracker] = evaluating.completion(params, data, ROUND, COSTS)
        assert completing.what == "ours_tracked/mask"
    assert found["sam2"].what == "ours_tracked/mask: by sam2"
    assert (found["sam2"].flops, found["follow"].flops) == (18 * (100 + 7), 0)
    assert found["sam2"].unit == "masks", "frames are counted once"
    assert found["sam2"].precision == params.masks.sam2.precision


def test_only_masks_by_networks_cost_flops(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmenting, "sam_encoder", lambda weights: 11 if weights == "known" else None)
    monkeypatch.setattr(segmenting, "sam2_costs", lambda params: (100, lambda memories: memories))
    params = load_params(project, "paper")
    footage = tuple(Footage(s, s, 1, 10) for s in ("davis", "youtube_vos", "lasot"))
    data = replace(counts(), footage=footage)

    def made(**changed: Any) -> list[Work]:
        masks = params.masks.model_copy(update=changed)
        return list(labelling.masks(params.model_copy(update={"masks": masks}), data, COSTS))

    known = params.masks.sam.model_copy(update={"weights": "known"})
    given, between, boxes = made(sam=known)
    assert given.flops == 0
    assert between.flops == 10 * 2 * (100 + 3), "tracked forwards and backwards"
    assert boxes.flops == 10 * 11
    assert made(boxes="sam2")[2].flops == 10 * (100 + 6 + params.masks.sam2.prompts)
    assert made(boxes="grabcut")[2].flops == 0
    assert (between.precision, boxes.precision) == (params.masks.sam2.precision, params.masks.sam.precision)
    unknown = made(sam=known.model_copy(update={"weights": "/some/folder"}))[2]
    assert (unknown.flops, unknown.note) == (0, "/some/folder: shapes not known")


def test_the_published_segmenters_and_captioner_cost_what_their_shapes_say(project: Path) -> None:
    # SAM's paper counts 2,976 G multiply-adds per image for ViT-H; FLOPs are twice as many.
    assert segmenting.sam_encoder("facebook/sam-vit-huge") == pytest.approx(2 * 2.976e12, rel=0.1)
    sentence = captioning.blip2_sentence(load_params(project, "paper"))
    assert sentence is not None
    # Two FLOPs per parameter and position: OPT has 2.65 G, at 63 positions in five beams; EVA has 1 G, at 257.
    assert sentence == pytest.approx(2 * (5 * 63 * 2.65e9 + 257 * 0.99e9), rel=0.1)


def test_pairs_without_sentences_cost_the_captioner_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelling, "blip2_sentence", lambda params: 11)
    params, looked = load_params(project, "paper"), {}
    for choice in ("captioned", "empty"):
        block = params.captions.model_copy(update={"pairs": choice})
        (line,) = labelling.captions(params.model_copy(update={"captions": block}), counts(pairs=20))
        looked[choice] = (line.count, line.flops, line.precision)
    assert looked == {"captioned": (23, 23 * 11, "bfloat16"), "empty": (3, 3 * 11, "bfloat16")}


def test_a_sentence_of_what_is_seen_costs_the_captioner_once_a_clip_and_other_changes_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluating, "blip2_sentence", lambda params: 11)
    seen = "captions: {order: [blip2]}\nevaluation: {methods: [ours/%s], frames: 18}\n"
    data = counts(*(recipe(f"{name}/1/r0", f"{name}/1", 18, "val") for name in "ab"))
    plain, *_ = evaluating.completion(method_params(project, seen % "full"), data, ROUND, COSTS)
    completing, describing = evaluating.completion(method_params(project, seen % "caption_visible"), data, ROUND, COSTS)
    assert (describing.what, describing.count, describing.unit) == ("ours/caption_visible: by BLIP-2", 2, "images")
    assert (describing.flops, describing.precision) == (2 * 11, "bfloat16")
    for name in ("noise2", "caption_category", "caption_colours", "caption_mismatched"):
        (line,) = evaluating.completion(method_params(project, seen % name), data, ROUND, COSTS)
        assert (line.flops, line.count) == (plain.flops, plain.count) == (completing.flops, completing.count)


def test_sam_2_s_flops_can_be_counted(project: Path) -> None:
    encoder, attention = segmenting.sam2_costs(load_params(project, "paper").masks.sam2)
    # Hiera-L's 48 blocks have layers of 12 d² parameters. d doubles when cells are quartered, so all blocks cost the
    # same: as those of 576 channels on 64 x 64 cells. Attention and the neck are added.
    layers = 48 * 2 * 12 * 576**2 * 64**2
    assert layers < encoder < 1.25 * layers
    assert 0 < attention(3) < attention(10) < encoder
