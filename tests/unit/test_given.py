"""What a method is given in place of exact masks and the object's own sentence, and what the index says of it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import pytest

from tests.conftest import CLONE
from tests.unit.params_project import copy_params, overlay, refusal
from tests.unit.test_methods import EVALUATION
from tests.unit.tiny_blip2 import WORDS, save_tiny_blip2
from tests.unit.tiny_models import COMPUTE, context, recipe, write_scale
from tgvac.captions.colour_words import NAMED, colour_shares, describe_colours
from tgvac.captions.params import CaptionsParams
from tgvac.clips.captions import Caption
from tgvac.clips.clip import Clip
from tgvac.clips.completion import Completion, Completions
from tgvac.completion import completion_stage
from tgvac.completion.given import GIVEN, Source, given_of
from tgvac.completion.inputs import mask_overlap
from tgvac.completion.mask_errors import with_errors
from tgvac.completion.mismatched_captions import load as load_mismatched
from tgvac.methods import copy_visible, registry
from tgvac.methods.contract import FromOwnMasks, Setup
from tgvac.methods.params import MethodParams, Sentence
from tgvac.params import load_params
from tgvac.shards import Entry, read_index, write_index
from tgvac.stage import Context
from tgvac.synthesis.clips import recipe_clips

CATEGORIES = {"world/ant/1": "ant", "world/bee/1": "bee", "world/bug/1": "ant", "world/nut/1": ""}
FRAMES = 3

Call = tuple[Clip, str, int]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """What the method is called with; it copies the visible part."""
    found: list[Call] = []

    def load(setup: Setup) -> Any:
        def complete(clip: Clip, text: str, seed: int) -> Completion:
            found.append((clip, text, seed))
            return Completion(clip.frames_FHW3, clip.visible_FHW)

        return complete

    monkeypatch.setattr(copy_visible, "load", load)
    return found


@pytest.fixture
def scale(tmp_path: Path) -> Context:
    """A scale of four objects, whose categories the index of tracks has."""
    ctx = write_scale(tmp_path, FRAMES, 40, 60, tuple(CATEGORIES))
    index = ctx.results / "tracks" / "index.json"
    entries = [
        Entry(e.id, e.file, e.sha256, e.bytes, {"category": CATEGORIES.get(e.id, "fence")})
        for e in read_index(index).values()
    ]
    write_index(index, entries)
    return ctx


def complete(ctx: Context, method: MethodParams, **blocks: Any) -> tuple[Completions, Mapping[str, Any]]:
    """Complete all samples by a method; returns them, and the facts of the index."""
    options = {"method": "copy_visible", "variant": "mine", "seed": "0"}
    run = context(ctx.root, "completion", shard=0, shards=1, options=options)
    completion_stage.run(run, methods={"copy_visible/mine": method}, evaluation=EVALUATION, **blocks)
    shard = ctx.results / "completion" / "copy_visible" / "mine" / "seed0" / "shard-000.zip"
    (entry,) = read_index(shard.with_suffix(".json")).values()
    return Completions(shard), entry.facts


def captions_params(**changed: Any) -> CaptionsParams:
    return load_params(CLONE, "smoke").captions.model_copy(update=changed)


def test_without_changes_a_method_is_given_exact_masks_and_the_own_sentence(scale: Context, calls: list[Call]) -> None:
    _, facts = complete(scale, MethodParams())
    assert set(facts) == {"samples"}
    for clip, text, _ in calls:
        assert text == f"a picture of {clip.track}"
        assert np.array_equal(clip.visible_FHW, recipe_clips(scale).render(clip.sample).visible_FHW)


def test_masks_with_errors_are_given_and_their_overlap_is_written_down(scale: Context, calls: list[Call]) -> None:
    complete(scale, MethodParams())
    exact = {clip.sample: (clip, seed) for clip, _, seed in calls}
    calls.clear()
    done, facts = complete(scale, MethodParams(mask_noise=2.0))
    assert len(calls) == len(CATEGORIES)
    for clip, text, seed in calls:
        before, its_seed = exact[clip.sample]
        assert np.array_equal(clip.visible_FHW, with_errors(before.visible_FHW, 2.0, clip.sample))
        assert np.array_equal(clip.frames_FHW3, before.frames_FHW3)
        assert (text, seed) == (f"a picture of {clip.track}", its_seed), "the same sentence and noise"
        assert done.meta(clip.sample).mask_source == "noisy"
        overlaps = [
            np.count_nonzero(a & b) / np.count_nonzero(a | b)
            for a, b in zip(clip.visible_FHW, before.visible_FHW, strict=True)
        ]
        assert facts["mask_iou"][clip.sample] == pytest.approx(overlaps)
        assert 0 < min(overlaps) < 1


def test_what_is_seen_is_pasted_by_the_masks_that_the_method_was_given(scale: Context, calls: list[Call]) -> None:
    done, _ = complete(scale, MethodParams(mask_noise=2.0, paste=0.0))
    for clip, _, _ in calls:
        assert np.array_equal(done.read(clip.sample).amodal_FHW, clip.visible_FHW)


def test_masks_that_a_method_made_itself_are_compared_with_the_exact_ones(
    scale: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(setup: Setup) -> Any:
        def halved(clip: Clip, text: str, seed: int) -> Completion:
            mine_FHW = clip.visible_FHW.copy()
            mine_FHW[1] = 0
            return FromOwnMasks(clip.frames_FHW3, clip.visible_FHW, mine_FHW)

        return halved

    monkeypatch.setattr(copy_visible, "load", load)
    entry = replace(registry.REGISTRY["copy_visible"], mask_source="tracked")
    monkeypatch.setitem(cast("dict[str, Any]", registry.REGISTRY), "copy_visible", entry)
    _, facts = complete(scale, MethodParams())
    assert all(frames == [1.0, 0.0, 1.0] for frames in facts["mask_iou"].values())


def test_frames_in_which_nothing_is_seen_and_nothing_is_given_have_no_overlap(scale: Context) -> None:
    clip = recipe_clips(scale).render("world/ant/1/r0")
    visible_FHW = clip.visible_FHW.copy()
    visible_FHW[0] = 0
    hidden = replace(clip, visible_FHW=visible_FHW)
    done = Completion(clip.frames_FHW3, clip.amodal_FHW)
    assert mask_overlap(hidden, hidden, done) == [None, 1.0, 1.0]
    assert mask_overlap(hidden, clip, done) == [0.0, 1.0, 1.0]


def test_the_category_alone_is_the_template_and_objects_without_one_are_left_out(
    scale: Context, calls: list[Call], capsys: pytest.CaptureFixture[str]
) -> None:
    block = captions_params(template="a {category}")
    done, facts = complete(scale, MethodParams(caption="category"), captions=block)
    assert {clip.track: text for clip, text, _ in calls} == {
        "world/ant/1": "an ant",
        "world/bee/1": "a bee",
        "world/bug/1": "an ant",
    }
    assert facts["texts"] == {clip.sample: text for clip, text, _ in calls}
    assert set(done.samples()) == set(facts["texts"])
    assert "The source of 'world/nut/1' names no category" in capsys.readouterr().out


def test_a_wrong_sentence_is_of_another_category_and_drawn_by_name(
    scale: Context, calls: list[Call], capsys: pytest.CaptureFixture[str]
) -> None:
    _, facts = complete(scale, MethodParams(caption="mismatched"))
    own = {f"a picture of {track}": category for track, category in CATEGORIES.items()}
    assert len(calls) == 3
    for clip, text, _ in calls:
        assert own[text] not in ("", CATEGORIES[clip.track])
    assert "'world/nut/1/r0' has none that is wrong" in capsys.readouterr().out
    first = dict(facts["texts"])
    assert complete(scale, MethodParams(caption="mismatched"))[1]["texts"] == first


def test_few_wrong_sentences_change_when_an_object_comes_and_all_objects_give_theirs(tmp_path: Path) -> None:
    tracks = [f"world/v{k}/1" for k in range(60)]
    index = tmp_path / "results" / "fake" / "tracks" / "index.json"
    write_index(index, [Entry(t, "x", "0" * 64, 1, {"category": f"c{k % 6}"}) for k, t in enumerate(tracks)])
    ctx = context(tmp_path, "completion", shard=0, shards=1)

    def texts(objects: list[str]) -> dict[str, str]:
        recipes = {f"{t}/r0": recipe(f"{t}/r0", t, FRAMES, "val") for t in tracks[:40]}
        captions = {t: Caption(track=t, captioner="given", raw=t, text=t) for t in tracks}
        made = Source(ctx, MethodParams(), recipes, tuple(sorted(objects)), captions, unused, tmp_path)
        return load_mismatched(made).texts

    before, after = texts(tracks[:59]), texts(tracks)
    assert sum(before[sample] != after[sample] for sample in before) <= 6
    for sample, other in after.items():
        assert int(sample.split("/")[1][1:]) % 6 != int(other.split("/")[1][1:]) % 6
    assert max(Counter(after.values()).values()) <= 8


def unused(sample: str) -> Clip:
    raise AssertionError(f"{sample} need not be rendered")


def test_colours_are_those_of_what_is_seen_and_of_nothing_else(scale: Context, calls: list[Call]) -> None:
    _, facts = complete(scale, MethodParams(caption="colours", mask_noise=1.0))
    for clip, text, _ in calls:
        assert text == describe_colours(clip.frames_FHW3[clip.visible_FHW > 0]) == facts["texts"][clip.sample]
        assert text.endswith(" object")


def test_colours_have_their_names() -> None:
    for name, rgb in NAMED.items():
        assert colour_shares(np.array([rgb] * 5, np.uint8)) == {name: 1.0}
    orange, white = NAMED["orange"], NAMED["white"]
    assert describe_colours(np.array([orange] * 9 + [white], np.uint8)) == "an orange object"
    assert describe_colours(np.array([white] * 2 + [orange] * 3, np.uint8)) == "an orange and white object"
    with pytest.raises(ValueError, match="no pixels"):
        describe_colours(np.zeros((0, 3), np.uint8))


def test_blip_2_describes_what_is_seen_and_is_loaded_once_for_a_batch(scale: Context, calls: list[Call]) -> None:
    folder = save_tiny_blip2(scale.root / "blip2")
    captions = captions_params()
    blip2 = captions.blip2.model_copy(
        update={"model": str(folder), "dtype": "float32", "batch": 3, "min_area": 0.0, "beams": 2, "max_new_tokens": 4}
    )
    block = captions.model_copy(update={"order": ("blip2",), "blip2": blip2})
    _, facts = complete(scale, MethodParams(caption="visible"), captions=block, compute=COMPUTE)
    assert set(facts["texts"]) == {f"{track}/r0" for track in CATEGORIES}
    assert {clip.sample: text for clip, text, _ in calls} == facts["texts"]
    assert all(set(text.split()) <= set(WORDS) for text in facts["texts"].values())
    kept = scale.root / "scratch" / "fake" / "completion" / "copy_visible" / "mine" / "seed0"
    base = sqlite3.connect(kept / "sentences-000.sqlite")
    assert base.execute("SELECT COUNT(*) FROM sentences").fetchone() == (len(CATEGORIES),)
    base.close()
    # Other weights under the same name describe anew.
    before = dict(facts["texts"])
    save_tiny_blip2(folder, seed=3)
    again = complete(scale, MethodParams(caption="visible"), captions=block, compute=COMPUTE)[1]["texts"]
    assert again != before


def test_what_is_too_small_to_be_described_is_completed_without_a_sentence(scale: Context, calls: list[Call]) -> None:
    captions = captions_params()
    block = captions.model_copy(update={"blip2": captions.blip2.model_copy(update={"min_area": 1.0, "model": "none"})})
    _, facts = complete(scale, MethodParams(caption="visible"), captions=block, compute=COMPUTE)
    assert [text for _, text, _ in calls] == [""] * len(CATEGORIES)
    assert set(facts["texts"].values()) == {""}


def test_masks_change_before_sentences() -> None:
    assert given_of(MethodParams()) == ()
    assert given_of(MethodParams(caption="visible", mask_noise=1.0)) == ("mask_noise", "caption_visible")
    assert {"mask_noise", *(f"caption_{kind}" for kind in get_args(Sentence))} == set(GIVEN)


REFUSED = [
    ("copy_visible/mine: {caption: category}", "caption is category, but the method reads no text"),
    ("ours/mine: {trained: no_text, caption: category}", "caption is category, but the method reads no text"),
    ("truth/mine: {mask_noise: 1.0}", "mask_noise is 1, but the method is not given the visible masks"),
    ("ours_tracked/mine: {mask_noise: 2.5}", "mask_noise is 2.5, but the method's masks are tracked"),
    ("ours/mine: {mask_noise: 0}", "mask_noise"),
    ("ours/mine: {caption: other}", "caption"),
]


@pytest.mark.parametrize(("entry", "words"), REFUSED)
def test_keys_that_do_nothing_are_refused(tmp_path: Path, entry: str, words: str) -> None:
    copy_params(tmp_path)
    overlay(tmp_path, f"extends: smoke\nmethods:\n  {entry}\n")
    message = refusal(tmp_path)
    assert words in message
    assert "mine" in message


def test_a_scale_without_blip_2_refuses_its_sentences_and_names_what_needs_no_model(tmp_path: Path) -> None:
    copy_params(tmp_path)
    overlay(tmp_path, "extends: smoke\nevaluation: {methods: [ours/caption_visible]}\n")
    message = refusal(tmp_path)
    assert "methods.ours/caption_visible.caption is visible" in message
    assert "ours/caption_colours" in message
    overlay(tmp_path, "extends: smoke\nevaluation: {methods: [ours/caption_colours]}\n")
    assert load_params(tmp_path, "mine").evaluation.methods == ("ours/caption_colours",)
