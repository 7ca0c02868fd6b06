"""Rows whose completions are another method's with what is seen pasted back: nothing is sampled again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import CLONE
from tests.unit.params_project import copy_params, overlay, refusal
from tests.unit.test_methods import EVALUATION
from tests.unit.tiny_models import context, write_scale
from tgvac.bridge.graph import Graph
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion, Completions
from tgvac.clips.pasting import pasted
from tgvac.completion import completion_stage
from tgvac.methods import copy_visible
from tgvac.methods.contract import LeftOut, Setup
from tgvac.methods.params import MethodParams
from tgvac.params import load_params
from tgvac.planning.evaluating import unet_evaluations
from tgvac.stage import Context
from tgvac.synthesis.clips import recipe_clips

RAW = MethodParams(draws=2)
METHODS = {
    "copy_visible/raw": RAW,
    "copy_visible/mine": RAW.model_copy(update={"paste": 2.0, "completions_of": "copy_visible/raw"}),
}


def paint(variant: str, ctx: Context) -> Completions:
    """Complete all samples by one of the two."""
    options = {"method": "copy_visible", "variant": variant, "seed": "0"}
    completion_stage.run(
        context(ctx.root, "completion", shard=0, shards=1, options=options), methods=METHODS, evaluation=EVALUATION
    )
    return Completions(ctx.results / "completion" / "copy_visible" / variant / "seed0" / "shard-000.zip")


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every call of a method that paints one colour a call, and leaves one sample out."""
    calls: list[tuple[str, int]] = []

    def load(setup: Setup) -> Any:
        def complete(clip: Clip, text: str, seed: int) -> Completion:
            if "bee" in clip.sample:
                raise LeftOut(clip.sample)
            calls.append((clip.sample, seed))
            return Completion(np.full_like(clip.frames_FHW3, 30 * len(calls)), clip.amodal_FHW)

        return complete

    monkeypatch.setattr(copy_visible, "load", load)
    return calls


def test_each_draw_is_the_other_method_s_with_what_is_seen_pasted(
    tmp_path: Path, painted: list[tuple[str, int]]
) -> None:
    ctx = write_scale(tmp_path, 3, 40, 60, ("world/ant/1", "world/bee/1"))
    raw = paint("raw", ctx)
    assert len(painted) == 2, "two draws of one sample; the other one is left out"
    mine = paint("mine", ctx)
    assert len(painted) == 2, "nothing is painted again"
    assert mine.samples() == raw.samples()
    (sample,) = raw.samples()
    clip = recipe_clips(ctx).render(sample)
    for before, after in zip(raw.draws(sample), mine.draws(sample), strict=True):
        wanted = pasted(before, clip.frames_FHW3, clip.visible_FHW, 2.0)
        assert np.array_equal(after.rgb_FHW3, wanted.rgb_FHW3)
        assert np.array_equal(after.amodal_FHW, wanted.amodal_FHW)
        assert not np.array_equal(after.rgb_FHW3, before.rgb_FHW3)
    assert mine.meta(sample).variant == "mine"


def test_other_completions_of_the_method_are_pasted_anew(tmp_path: Path, painted: list[tuple[str, int]]) -> None:
    ctx = write_scale(tmp_path, 3, 40, 60, ("world/ant/1",))
    paint("raw", ctx)
    (sample,) = (before := paint("mine", ctx)).samples()
    old_FHW3 = before.read(sample).rgb_FHW3
    shutil.rmtree(ctx.root / "scratch")
    paint("raw", ctx)  # in other colours, since calls go on being counted
    assert not np.array_equal(paint("mine", ctx).read(sample).rgb_FHW3, old_FHW3)


SCALE = """
extends: smoke
methods: {{ours/full: {{steps: 3}}, {methods}}}
evaluation: {{methods: [ours/full, ours/full_pasted]}}
"""


def test_a_row_has_the_keys_seeds_and_training_of_what_it_pastes_and_costs_no_sampling(tmp_path: Path) -> None:
    copy_params(tmp_path)
    overlay(tmp_path, SCALE.format(methods="ours/full_pasted: {paste: 1.0}"))
    params = load_params(tmp_path, "mine")
    raw, row = params.methods["ours/full"], params.methods["ours/full_pasted"]
    assert row == raw.model_copy(update={"paste": 1.0, "completions_of": "ours/full"})
    assert unet_evaluations(params, "ours/full", 14) > 0
    assert unet_evaluations(params, "ours/full_pasted", 14) == 0
    graph = Graph("mine", params, {})
    options = {"method": "ours", "variant": "full_pasted", "seed": "0"}
    inputs = graph.job("completion", options, 0).inputs
    assert "results/mine/completion/ours/full/seed0/shard-000.json" in inputs
    assert not [name for name in inputs if "/frame/" in name or "/motion/" in name]


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ("ours/full_pasted: {completions_of: ours/ful}", "'ours/ful', which is not in 'methods'; did you mean"),
        ("ours/full_pasted: {completions_of: white/plain}", "another method; name one of 'ours'"),
        ("ours/full_pasted: {steps: 4}", "methods.ours/full_pasted.steps is set, but all keys but paste are those of"),
        ("ours/full_pasted: {paste: null}", "paste is not set, so nothing differs"),
        ("ours/full_pasted: {completions_of: ours/no_motion_pasted}", "which is pasted itself"),
        ("ours/full_pasted: {completions_of: ours/no_motion}", "which evaluation.methods does not list"),
    ],
)
def test_a_row_that_cannot_be_pasted_is_refused_in_a_sentence(tmp_path: Path, methods: str, message: str) -> None:
    copy_params(tmp_path)
    overlay(tmp_path, SCALE.format(methods=methods))
    assert message in refusal(tmp_path)


def test_every_method_of_the_paper_s_comparison_has_a_pasted_row() -> None:
    methods = load_params(CLONE, "paper").methods
    raw = {row.completions_of for row in methods.values()}
    assert {"ours/full", "pix2gestalt/full", "progressive/oracle", "copy_visible/plain"} <= raw
