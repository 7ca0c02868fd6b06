"""The registry of methods: what a new method, a new variant or another layout needs."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
import pytest

from tests.unit.params_project import copy_params, overlay, refusal
from tests.unit.test_methods import EVALUATION, TARGETS
from tests.unit.tiny_models import context, write_scale
from tgvac.bridge.graph import Graph
from tgvac.clips.completion import Completions
from tgvac.completion import completion_stage
from tgvac.methods.params import MethodParams
from tgvac.methods.registry import REGISTRY, Method, label_of
from tgvac.models.layouts import LAYOUTS, ChannelLayout
from tgvac.params import load_params

INPUT = """
from tgvac.clips.completion import Completion

def load(setup):
    return lambda clip, text, seed: Completion(clip.frames_FHW3, clip.visible_FHW)
"""


def test_a_method_without_training_is_one_file_and_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "copies_the_input.py").write_text(INPUT)
    monkeypatch.syspath_prepend(tmp_path)
    copies = Method(module="copies_the_input", label="The input")
    monkeypatch.setitem(cast("dict[str, Method]", REGISTRY), "copy_input", copies)
    scale = write_scale(tmp_path, 5, 24, 30, TARGETS)
    options = {"method": "copy_input", "variant": "plain", "seed": "0"}
    ctx = context(tmp_path, "completion", shard=0, shards=1, options=options)
    completion_stage.run(ctx, methods={"copy_input/plain": MethodParams()}, evaluation=EVALUATION)
    done = Completions(scale.results / "completion" / "copy_input" / "plain" / "seed0" / "shard-000.zip")
    assert len(done.samples()) == len(TARGETS)
    assert done.meta(done.samples()[0]).train_seed == -1
    assert np.any(done.read(done.samples()[0]).rgb_FHW3 < 255)
    assert label_of("copy_input/plain") == "The input, plain"


OWN = """
extends: smoke
variants: {blind: {mask: false}}
methods: {ours/hop6: {trained: blind, stride: 6, clips: long}}
evaluation: {methods: [ours/hop6, copy_visible/long], train_seeds: [0, 1]}
"""


def test_a_scale_can_add_a_method_and_a_variant(tmp_path: Path) -> None:
    copy_params(tmp_path)
    overlay(tmp_path, OWN)
    graph = Graph("mine", load_params(tmp_path, "mine"), {})
    assert graph.evaluated() == [("ours/hop6", 0), ("ours/hop6", 1), ("copy_visible/long", 0)]
    for phase in ("frame", "motion"):
        assert graph.trained(phase) == [("blind", 0), ("blind", 1)]
    (network,) = graph.networks("ours/hop6", "1")[1:]
    assert network == "results/mine/motion/blind/seed1/index.json"


def test_a_method_of_another_layout_than_its_training_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cast("dict[str, ChannelLayout]", LAYOUTS), "mask_frame", ChannelLayout(("mask", "frame")))
    copy_params(tmp_path)
    overlay(tmp_path, "extends: smoke\nvariants: {full: {layout: mask_frame}}\n")
    said = refusal(tmp_path)
    assert "loads networks of the layout 'frame_mask', but variants.full is trained with 'mask_frame'" in said


def test_unknown_variants_have_the_methods_label_and_their_name() -> None:
    assert label_of("ours/full") == "Ours"
    assert label_of("ours/hop6") == "Ours, hop6"
    assert label_of("unknown/plain") == "unknown/plain"


AFTER = """
extends: smoke
variants:
  start: {steps: 5, motion_steps: 2}
  full: {after: start}
methods:
  ours/hop6: {stride: 6, clips: long, seeds: [1]}
evaluation: {methods: [ours/full, ours/hop6], train_seeds: [0, 1]}
"""


def test_a_frame_model_that_another_starts_from_is_trained_first_for_each_seed(tmp_path: Path) -> None:
    copy_params(tmp_path)
    overlay(tmp_path, AFTER)
    graph = Graph("mine", load_params(tmp_path, "mine"), {})
    assert graph.trained("frame") == [("full", 0), ("full", 1), ("start", 0), ("start", 1)]
    assert graph.trained("motion") == [("full", 0), ("full", 1)], "no method uses the start's motion"
    before = "results/mine/frame/start/seed1/index.json"
    assert graph.job("frame", {"variant": "full", "seed": "1"}).inputs[-1] == before
    assert before not in graph.job("frame", {"variant": "start", "seed": "1"}).inputs
    assert before not in graph.job("motion", {"variant": "full", "seed": "1"}).inputs
    start = graph.params.variants["start"]
    assert [start.steps_of("frame"), start.steps_of("motion")] == [5, 2]


def test_a_method_may_be_evaluated_with_some_of_the_training_seeds(tmp_path: Path) -> None:
    copy_params(tmp_path)
    overlay(tmp_path, AFTER)
    graph = Graph("mine", load_params(tmp_path, "mine"), {})
    assert graph.evaluated() == [("ours/full", 0), ("ours/full", 1), ("ours/hop6", 1)]
    overlay(tmp_path, AFTER.replace("seeds: [1]}", "seeds: [1, 4]}"))
    assert "methods.ours/hop6.seeds has 4, which is not in evaluation.train_seeds" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ("{full: {after: fist}, first: {}}", "variants.full.after is 'fist', which is not in 'variants'; did you mean"),
        ("{full: {after: a}, a: {after: b}, b: {after: a}}", "start after one another in a circle: "),
        (
            "{full: {after: a, start: b}, a: {}}",
            "variants.full has start and after; it can start from one of them alone",
        ),
        (
            "{full: {after: a}, a: {layout: inpaint}}",
            "starts after 'a', but has the layout 'frame_mask' where that has",
        ),
    ],
)
def test_a_start_that_cannot_be_is_refused_by_name(tmp_path: Path, variants: str, message: str) -> None:
    copy_params(tmp_path)
    overlay(tmp_path, f"extends: smoke\nvariants: {variants}\nlatents: {{holes: 1}}\n")
    assert message in refusal(tmp_path)
