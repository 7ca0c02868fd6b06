"""The ranking of a scoring CLIP: which wrong completions it is shown, and what counts as right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.unit.clips_in_memory import ClipsInMemory
from tests.unit.tiny_models import FRAMING
from tgvac.clips.clip import Clip
from tgvac.metrics import ranking as module
from tgvac.metrics.ranking import LATER, mean_colour_hull, ranking, wrong_colours

RED, GREY = (200, 30, 40), (90, 90, 90)
SIDE = FRAMING.size
UNUSED: Any = None
"""In place of an encoder, since these tests replace `embed`."""


def square(colour: tuple[int, int, int], left: int) -> np.ndarray:
    """A square of one colour on white, ``uint8 [S,S,3]``."""
    image_SS3 = np.full((SIDE, SIDE, 3), 255, np.uint8)
    image_SS3[8:16, left : left + 8] = colour
    return image_SS3


def clip(name: str, colour: tuple[int, int, int], frames: int) -> Clip:
    whole_FHW3 = np.stack([square(colour, i) for i in range(frames)])
    seen_FHW = np.uint8(255) * (whole_FHW3.min(axis=3) < 255)
    return Clip(name, "v", name, whole_FHW3, seen_FHW, whole_FHW3, seen_FHW, 0 * seen_FHW)


def by_colour(encoder: Any, images_FHW3: np.ndarray, batch: int) -> np.ndarray:
    """Embeddings that know an image's mean colour alone."""
    mean_F3 = 255.0 - images_FHW3.reshape(len(images_FHW3), -1, 3).mean(axis=1)
    return mean_F3 / np.linalg.norm(mean_F3, axis=1, keepdims=True)


def by_shape(encoder: Any, images_FHW3: np.ndarray, batch: int) -> np.ndarray:
    """Embeddings that know which pixels are white, and nothing of colours."""
    on_FP = (images_FHW3.min(axis=3) < 255).reshape(len(images_FHW3), -1).astype(float)
    return on_FP / np.linalg.norm(on_FP, axis=1, keepdims=True)


def test_wrong_colours_keep_the_outline_and_the_grey_levels() -> None:
    image_SS3 = square(RED, 4)
    changed = wrong_colours(image_SS3, "a")
    assert changed is not None
    assert not np.array_equal(changed, image_SS3)
    assert np.array_equal(changed.min(axis=2) < 255, image_SS3.min(axis=2) < 255)
    assert np.array_equal(np.sort(changed, axis=2), np.sort(image_SS3, axis=2))
    assert np.array_equal(changed, wrong_colours(image_SS3, "a"))


def test_a_grey_object_and_an_empty_picture_have_no_wrong_colours() -> None:
    assert wrong_colours(square(GREY, 4), "a") is None
    assert wrong_colours(np.full((SIDE, SIDE, 3), 255, np.uint8), "a") is None


def test_a_hull_has_one_colour_and_fills_what_lies_between() -> None:
    image_SS3 = np.minimum(square(RED, 2), square((0, 130, 240), 20))
    hull_SS3 = mean_colour_hull(image_SS3)
    on_SS = hull_SS3.min(axis=2) < 255
    assert on_SS[8:16, 2:28].all()
    assert on_SS.sum() == 8 * 26
    assert np.unique(hull_SS3[on_SS], axis=0).tolist() == [[100, 80, 140]]
    assert np.array_equal(mean_colour_hull(np.full_like(image_SS3, 255)), np.full_like(image_SS3, 255))


@pytest.mark.parametrize(("embeds", "share"), [(by_colour, 1.0), (by_shape, 0.0)])
def test_a_scorer_ranks_by_colour_or_not(monkeypatch: pytest.MonkeyPatch, embeds: Any, share: float) -> None:
    monkeypatch.setattr(module, "embed", embeds)
    source = ClipsInMemory(
        clip("a", RED, LATER + 1),
        clip("b", (10, 160, 220), LATER + 3),
        clip("grey", GREY, 9),
        clip("short", RED, LATER),
    )
    found = ranking(UNUSED, source, FRAMING, 4)
    assert (found["pairs"], found["wrong_colours"]) == (2, share), "the grey and the short clip say nothing"


def test_without_a_pair_there_is_no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "embed", by_shape)
    found = ranking(UNUSED, ClipsInMemory(clip("short", RED, LATER)), FRAMING, 4)
    assert found["pairs"] == 0
    assert np.isnan([found["wrong_colours"], found["hull"]]).all()
