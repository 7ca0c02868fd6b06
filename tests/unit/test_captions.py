"""Captions: the given one first, then a template in correct English, never an empty text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builders import box, noise
from tgvac.captions.captioners import Describe, Rejected, Subject, is_looked_at
from tgvac.captions.captioners import caption as sentence
from tgvac.captions.looks import Look, caption_frame, crop_on_white
from tgvac.captions.params import CaptionsParams
from tgvac.captions.sentences import clean, tidy, without_repetition
from tgvac.clips.captions import Caption
from tgvac.config import parse
from tgvac.errors import BadInput

BLIP2: dict[str, Any] = {
    "model": "a/model",
    "revision": "main",
    "dtype": "float32",
    "batch": 3,
    "prompt": "",
    "max_new_tokens": 6,
    "beams": 2,
    "repetition_penalty": 1.2,
    "min_area": 0.01,
    "margin": 0.1,
    "drop": ["a photo of", "on a white background", "a close up of", "on a white surface"],
}


def params(*order: str, template: str = "a {category}", pairs: str = "captioned", **blip2: Any) -> CaptionsParams:
    tree = {"order": list(order or ("given", "template")), "template": template, "pairs": pairs}
    return parse(CaptionsParams, {**tree, "blip2": {**BLIP2, **blip2}}, "test")


LOOK = Look(np.zeros((4, 4, 3), np.uint8), 7)


def meta(category: str = "cat", *captions: str, look: Look | str = LOOK) -> Subject:
    return Subject("s/v/1", captions, category, lambda: look)


def unasked(image: np.ndarray) -> str:
    raise AssertionError("no picture is to be described")


def caption(it: CaptionsParams, subject: Subject, describe: Describe = unasked) -> Caption:
    found = sentence(it, subject, describe)
    assert isinstance(found, Caption)
    return found


def test_a_given_caption_comes_before_the_template() -> None:
    assert caption(params(), meta("cat", "A grey  cat\njumps.")) == Caption(
        track="s/v/1", captioner="given", raw="A grey  cat\njumps.", text="A grey cat jumps"
    )


def test_the_order_of_the_params_counts() -> None:
    assert caption(params("template", "given"), meta("cat", "a grey cat")).captioner == "template"


def test_the_first_caption_that_is_not_empty_is_used() -> None:
    assert caption(params(), meta("cat", "", "  ", "a grey cat", "another")).text == "a grey cat"


def test_without_a_given_caption_the_template_is_used() -> None:
    assert caption(params(), meta()) == Caption(track="s/v/1", captioner="template", raw="a cat", text="a cat")


def test_the_template_replaces_a_given_text_of_full_stops() -> None:
    assert caption(params(), meta("cat", " ... ")).captioner == "template"


@pytest.mark.parametrize(
    ("template", "category", "text"),
    [
        ("a {category}", "elephant", "an elephant"),
        ("a {category}", "Owl", "an Owl"),
        ("a {category}", "dog", "a dog"),
        ("A photo of a {category}.", "ox", "A photo of an ox"),
        ("A {category}", "ant", "An ant"),
        ("pizza {category}", "oven", "pizza oven"),
        ("the {category}", "ape {x}", "the ape {x}"),
    ],
)
def test_a_becomes_an_before_a_vowel_and_nowhere_else(template: str, category: str, text: str) -> None:
    assert caption(params("template", template=template), meta(category)).text == text


def test_an_object_without_any_caption_is_rejected_with_reasons() -> None:
    found = sentence(params("given", "template", template="."), meta("cat", ""), unasked)
    assert found == Rejected("s/v/1", "the source gives no caption; there is no category for the template")


# ---------------------------------------------------------------- BLIP-2 in the order


def test_the_models_caption_is_saved_raw_and_tidy_with_its_frame_and_model() -> None:
    found = caption(params("blip2", "given"), meta("cat", "a cat"), lambda image: "a red red dog, a red dog ")
    assert found == Caption(
        track="s/v/1",
        captioner="blip2",
        raw="a red red dog, a red dog ",
        text="a red dog",
        frame=7,
        model="a/model@main",
    )


@pytest.mark.parametrize("raw", ["", " . ", "on a white background", "a photo of"])
def test_if_the_model_gives_no_caption_the_next_captioner_is_used(raw: str) -> None:
    assert caption(params("blip2", "given"), meta("cat", "a cat"), lambda image: raw).captioner == "given"
    assert sentence(params("blip2"), meta(), lambda image: raw) == Rejected(
        "s/v/1", "the model gives no caption for frame 7"
    )


def test_an_object_without_an_image_uses_the_next_captioner_or_is_rejected() -> None:
    small = meta("cat", look="it is tiny")
    assert caption(params("blip2", "template"), small).captioner == "template"
    assert sentence(params("blip2", "given"), small, unasked) == Rejected(
        "s/v/1", "it is tiny; the source gives no caption"
    )


def test_only_objects_without_an_earlier_caption_are_described() -> None:
    assert is_looked_at(params("blip2", "given"), meta("cat", "a cat"))
    assert not is_looked_at(params("given", "blip2"), meta("cat", "a cat"))
    assert is_looked_at(params("given", "blip2"), meta("cat", " . "))
    assert not is_looked_at(params("template", "blip2"), meta("cat"))
    assert is_looked_at(params("template", "blip2"), meta(""))
    assert not is_looked_at(params("given", "template"), meta("cat"))


# ---------------------------------------------------------------- input of the model


def test_the_first_whole_frame_that_is_not_tiny_is_described() -> None:
    areas = [0.5, 0.001, 0.0, 0.02, 0.3, 0.4]
    assert caption_frame([(1, 4)], areas, 0.01) == 3
    assert caption_frame([(4, 2), (1, 1)], areas, 0.01) == 4
    assert caption_frame([(4, 2), (1, 2)], areas, 0.0) == 1
    assert caption_frame([(2, 1)], areas, 0.0) is None
    assert caption_frame([(1, 3)], areas, 0.03) is None
    assert caption_frame([], areas, 0.0) is None


def test_the_object_is_on_white_in_a_square_with_a_margin() -> None:
    frame, mask = noise(1, 20, 30, 3) // 2, box(20, 30, 5, 10, 15, 14)
    found = crop_on_white(frame, mask, 0.2)
    assert found.shape == (14, 14, 3)
    assert np.array_equal(found[2:12, 5:9], frame[5:15, 10:14])
    found[2:12, 5:9] = 255
    assert (found == 255).all()


def test_outside_of_the_frame_is_white() -> None:
    frame, mask = np.zeros((6, 10, 3), np.uint8), box(6, 10, 0, 0, 6, 10)
    found = crop_on_white(frame, mask, 0.5)
    assert found.shape == (20, 20, 3)
    assert int((found == 0).all(axis=2).sum()) == 60


def test_an_empty_mask_cannot_be_cropped() -> None:
    with pytest.raises(ValueError, match="the mask is empty"):
        crop_on_white(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), 0.1)


# ---------------------------------------------------------------- repetition


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("a dog running running running", "a dog running"),
        ("a cat a cat a cat", "a cat"),
        ("a cat and a cat and a cat", "a cat"),
        ("a red dog, a red dog, a red dog.", "a red dog"),
        ("a man in a hat, a blue bird, a man in a hat", "a man in a hat, a blue bird"),
        ("the the The dog", "The dog"),
        ("a dog on a sled on a sled on a sled in snow", "a dog on a sled in snow"),
        ("a bird, bird sits", "a bird sits"),
        ("a dog and a cat", "a dog and a cat"),
        ("a dog with a dog toy", "a dog with a dog toy"),
        ("two dogs, two cats", "two dogs, two cats"),
        ("over and over a fence", "over and over a fence"),
        ("", ""),
    ],
)
def test_repetitions_are_removed(raw: str, text: str) -> None:
    assert tidy(raw, ()) == text


@given(st.lists(st.sampled_from(["a", "dog", "cat,", "and", "red", "Red"]), max_size=12))
def test_no_repeated_run_of_words_remains_and_no_word_is_added(words: list[str]) -> None:
    found = without_repetition(" ".join(words)).replace(",", "").casefold().split()
    for length in range(1, len(found) // 2 + 1):
        for at in range(len(found) - 2 * length + 1):
            assert found[at : at + length] != found[at + length : at + 2 * length]
    assert set(found) <= {word.strip(",").casefold() for word in words}


def test_words_about_the_image_are_removed_everywhere() -> None:
    drop = ["a photo of", "on a white background", "a close up of", "on white"]
    assert tidy("A photo of a red dog on a  white background.", drop) == "a red dog"
    assert tidy("a close up of a fish, on a white background", drop) == "a fish"
    assert tidy("a dog on white, running", drop) == "a dog, running"
    assert tidy("a photo often seen", drop) == "a photo often seen"


@pytest.mark.parametrize("template", ["a {colour}", "{", "a {0}", "a {category.name.x}", "a {category[x]}"])
def test_a_template_with_another_placeholder_is_refused(template: str) -> None:
    with pytest.raises(BadInput, match=r"'template' is .*the only placeholder in braces may be \{category\}"):
        params(template=template)


@pytest.mark.parametrize("changes", [{"order": []}, {"order": ["blip"]}, {"template": ""}, {"pairs": "none"}])
def test_an_empty_or_unknown_choice_is_refused(changes: dict[str, Any]) -> None:
    tree = {"order": ["given"], "template": "a {category}", "pairs": "captioned", "blip2": BLIP2}
    with pytest.raises(BadInput, match=f"'{next(iter(changes))}"):
        parse(CaptionsParams, {**tree, **changes}, "test")


def test_cleaning_leaves_one_line_without_a_final_full_stop() -> None:
    assert clean(" a\tcat \n sits . ") == "a cat sits"
    assert clean("v1.5 of a cat") == "v1.5 of a cat"
