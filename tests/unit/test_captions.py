"""Captions: the given sentence first, then a template in good English, never an empty text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unit.builders import meta_of
from tgvac.captions.captioners import caption, clean
from tgvac.captions.params import CaptionsParams
from tgvac.clip.captions import Caption
from tgvac.clip.track import TrackMeta
from tgvac.config import parse
from tgvac.errors import BadInput


def params(*order: str, template: str = "a {category}") -> CaptionsParams:
    return parse(CaptionsParams, {"order": list(order or ("given", "template")), "template": template}, "test")


def meta(category: str = "cat", *captions: str) -> TrackMeta:
    blank = np.zeros((1, 4, 4, 3), np.uint8)
    return meta_of("s/v/1", blank, [None], category=category, captions=captions)


def test_a_given_sentence_comes_before_the_template() -> None:
    assert caption(params(), meta("cat", "A grey  cat\njumps.")) == Caption(
        track="s/v/1", captioner="given", raw="A grey  cat\njumps.", text="A grey cat jumps"
    )


def test_the_order_of_the_params_counts() -> None:
    assert caption(params("template", "given"), meta("cat", "a grey cat")).captioner == "template"


def test_the_first_sentence_that_says_something_is_taken() -> None:
    assert caption(params(), meta("cat", "", "  ", "a grey cat", "another")).text == "a grey cat"


def test_without_a_given_sentence_the_template_speaks() -> None:
    assert caption(params(), meta()) == Caption(track="s/v/1", captioner="template", raw="a cat", text="a cat")


def test_a_given_text_of_nothing_but_stops_gives_way_to_the_template() -> None:
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


@pytest.mark.parametrize("order", [("given",), ("given", "template")])
def test_an_empty_text_is_refused_naming_track_and_remedy(order: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match=rf"s/v/1 has an empty text .*\({', '.join(order)}\); give it a caption"):
        caption(params(*order, template="."), meta("cat", ""))


@pytest.mark.parametrize("template", ["a {colour}", "{", "a {0}", "a {category.name.x}", "a {category[x]}"])
def test_a_template_that_names_something_else_is_refused(template: str) -> None:
    with pytest.raises(BadInput, match=r"'template' is .*the only name that may stand in braces is \{category\}"):
        params(template=template)


@pytest.mark.parametrize("changes", [{"order": []}, {"order": ["blip"]}, {"template": ""}])
def test_an_empty_or_unknown_choice_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=f"'{next(iter(changes))}"):
        parse(CaptionsParams, {"order": ["given"], "template": "a {category}", **changes}, "test")


def test_cleaning_leaves_one_line_without_a_closing_stop() -> None:
    assert clean(" a\tcat \n sits . ") == "a cat sits"
    assert clean("v1.5 of a cat") == "v1.5 of a cat"
