"""Captions match the pixels: independent test code measures colours, patterns and parts."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from tests.unit.world_samples import world
from tgvac.world import render, scenes
from tgvac.world.captions import caption
from tgvac.world.colours import PALETTE
from tgvac.world.creatures import CREATURES
from tgvac.world.motion import placed
from tgvac.world.pairs import pair
from tgvac.world.params import Layout
from tgvac.world.patterns import PATTERNS
from tgvac.world.wardrobe import Clothes

SIZE = 256
SENTENCE = re.compile(
    rf"(?P<article>an?) (?:(?P<main_pattern>{'|'.join(PATTERNS)}) )?(?P<main>\w+) (?P<category>\w+)"
    rf" with (?P<part_article>an? )?(?P<accent>\w+) (?:(?P<accent_pattern>{'|'.join(PATTERNS)}) )?(?P<part>\w+)"
    r" (?P<verb>\w+)(?: and moving)?(?: (?P<way>to the (?:left|right)(?: and back)?|from side to side))?"
)


class Shown(NamedTuple):
    """One object alone, large."""

    said: dict[str, str]
    rgb_HW3: npt.NDArray[np.uint8]
    parts_HW: npt.NDArray[np.int64]
    """The index in ``names`` of the visible part, away from outlines; -1 elsewhere."""
    names: list[str]

    def lab(self, part: str) -> npt.NDArray[np.float64]:
        """CIELAB of a part's pixels, (N, 3)."""
        numbers = [k for k, name in enumerate(self.names) if name == part]
        return lab(self.rgb_HW3[np.isin(self.parts_HW, numbers)])


def lab(rgb_N3: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """CIELAB (D65) from sRGB, by the definition."""
    c = rgb_N3.astype(np.float64) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    m = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    t = linear @ m.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def nearest_name(lab_N3: npt.NDArray[np.float64]) -> str:
    """The palette name closest to the median colour."""
    middle_3 = np.median(lab_N3, axis=0)
    palette = lab(np.array(list(PALETTE.values()), np.uint8))
    return list(PALETTE)[int(np.argmin(np.linalg.norm(palette - middle_3, axis=1)))]


@functools.cache
def shown(index: int, size: int = SIZE) -> Shown:
    """Object 1 in the first frame of a video, and which part is visible at each pixel (polygons filled by Pillow)."""
    scene = scenes.stage(world(height=size, width=size, frames=2), "davis", index)
    actor = scene.actors[0]
    said = SENTENCE.fullmatch(actor.caption)
    assert said, actor.caption
    layer = scenes.layers(scene, 0, size, size)[0]
    rgb_HW3 = render.composite(np.full((size, size, 3), 127, np.uint8), [layer])
    drawn = CREATURES[actor.category].draw(actor.poses[0].phase)
    names = [part.name if part.colour is None else "" for part in drawn]
    canvas = Image.new("I", (size, size), -1)
    draw = ImageDraw.Draw(canvas)
    line = max(1, round(0.05 * actor.poses[0].scale))
    for number, part in enumerate(drawn):
        corners = [(float(x), float(y)) for x, y in placed(part.outline_N2, actor.poses[0])]
        draw.polygon(corners, fill=number)
        if part.lined:
            draw.line([*corners, corners[0]], fill=-1, width=line + 1)
    return Shown({k: v or "" for k, v in said.groupdict().items()}, rgb_HW3, np.asarray(canvas).astype(int), names)


INDICES = range(3 * len(CREATURES))


@pytest.mark.parametrize("index", INDICES)
def test_the_named_part_has_the_named_colour(index: int) -> None:
    seen = shown(index)
    pixels_N3 = seen.lab(seen.said["part"])
    assert len(pixels_N3) > 40, seen.said
    assert nearest_name(pixels_N3) == seen.said["accent"], seen.said


@pytest.mark.parametrize("index", INDICES)
def test_the_rest_has_the_main_colour(index: int) -> None:
    seen = shown(index)
    rest = {name for name in seen.names if name and name != seen.said["part"]}
    pixels_N3 = np.concatenate([seen.lab(name) for name in sorted(rest)])
    assert len(pixels_N3) > 300, seen.said
    assert nearest_name(pixels_N3) == seen.said["main"], seen.said


def marked_share(lab_N3: npt.NDArray[np.float64]) -> float:
    """The share of a part's pixels that are much darker or lighter than its median."""
    return float((np.abs(lab_N3[:, 0] - np.median(lab_N3[:, 0])) > 17).mean())


@pytest.mark.parametrize("index", INDICES)
def test_exactly_the_named_pattern_is_in_the_pixels_of_its_part(index: int) -> None:
    seen = shown(index)
    creature = CREATURES[seen.said["category"]]
    for pattern, part in (
        (seen.said["main_pattern"], creature.torso),
        (seen.said["accent_pattern"], seen.said["part"]),
    ):
        if not part:
            assert not pattern
            continue
        share = marked_share(seen.lab(part))
        if pattern:
            assert 0.1 < share < 0.9, (seen.said, share)
        elif part in creature.patterned or part == creature.torso:
            assert share < 0.3, (seen.said, share)


def test_every_pattern_and_both_places_occur_and_about_half_of_the_objects_have_none() -> None:
    params = world(frames=2)
    clothes = [scenes.stage(params, "davis", index).actors[0].clothes for index in range(60)]
    assert {each.pattern for each in clothes} == {"", *PATTERNS}
    assert {each.patterned for each in clothes} == {"", "main", "accent"}
    assert 0.25 < np.mean([each.pattern != "" for each in clothes]) < 0.6


def test_at_the_smallest_working_size_the_named_part_still_has_pixels_of_its_colour() -> None:
    found = []
    for index in INDICES:
        seen = shown(index, 64)
        numbers = [k for k, name in enumerate(seen.names) if name == seen.said["part"]]
        inside_HW = np.isin(seen.parts_HW, numbers)
        near_HW = cv2.dilate(inside_HW.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        colour = lab(np.array([PALETTE[seen.said["accent"]]], np.uint8))
        found.append(int((np.linalg.norm(lab(seen.rgb_HW3[near_HW]) - colour, axis=1) < 30).sum()))
    assert min(found) >= 4, found
    assert np.median(found) >= 20


def test_captions_are_correct_sentences() -> None:
    red, blue, orange = PALETTE["red"], PALETTE["blue"], PALETTE["orange"]
    tail = Clothes(red, blue, "tail", "striped", "accent")
    assert (
        caption("fish", tail, path="across", heading=-1) == "a red fish with a blue striped tail swimming to the left"
    )
    wings = Clothes(orange, blue, "wings")
    assert caption("bird", wings, path="across", heading=1) == "an orange bird with blue wings flying to the right"
    feet = Clothes(orange, blue, "feet", "spotted", "main")
    assert (
        caption("caterpillar", feet, path="turn", heading=1)
        == "a spotted orange caterpillar with blue feet crawling to the right and back"
    )
    mill = Clothes(red, blue, "blades")
    assert caption("windmill", mill, path="oscillate", heading=1) == "a red windmill with blue blades turning"
    assert caption("windmill", mill, path="across", heading=1) == (
        "a red windmill with blue blades turning and moving to the right"
    )
    pot = Clothes(red, orange, "pot")
    assert caption("flower", pot, path="oscillate", heading=1) == (
        "a red flower with an orange pot swaying from side to side"
    )


@pytest.mark.parametrize("layout", ["davis", "youtube_vos", "lasot", "pix2gestalt"])
def test_a_caption_names_the_category_and_the_motion(layout: Layout) -> None:
    params = world(frames=2, crowded=0.3)
    for index in range(14):
        pairs = layout == "pix2gestalt"
        actors = (pair(params, index).actor,) if pairs else scenes.stage(params, layout, index).actors
        for actor in actors:
            said = SENTENCE.fullmatch(actor.caption)
            assert said, actor.caption
            assert said["category"] == actor.category
            assert said["verb"] == CREATURES[actor.category].verb
            assert (said["part_article"] is None) == (said["part"].endswith("s") or said["part"] == "feet")
            if actor.route.path == "oscillate":
                assert said["way"] == (None if actor.category == "windmill" else "from side to side")
            else:
                assert ("right" in said["way"]) == (actor.poses[0].facing > 0)
                assert ("back" in said["way"]) == (actor.route.path == "turn")
