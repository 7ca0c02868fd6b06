"""The staging of the world: shares, categories, contrast, backgrounds and foregrounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tests.unit.world_samples import SHARES, world
from tgvac.world import backgrounds, cast, foregrounds, patterns, planes, render, scenes
from tgvac.world.actors import act
from tgvac.world.colours import PALETTE, distance
from tgvac.world.creatures import CREATURES
from tgvac.world.film import film
from tgvac.world.params import Layout, WorldParams

HEIGHT, WIDTH = 64, 80


@pytest.mark.parametrize("layout", ["davis", "youtube_vos", "lasot"])
def test_each_staging_has_its_share(layout: Layout) -> None:
    asked = {"crowded": 0.2, "company": 0.1, "fenced": 0.15, "late": 0.25, "hidden": 0.1, "leaving": 0.1}
    staged = [cast.staging(world(**asked), layout, index) for index in range(100)]
    foreign = {"davis": {"late", "hidden", "leaving"}, "youtube_vos": {"hidden", "leaving"}, "lasot": {"late"}}[layout]
    for kind, share in asked.items():
        expected = 0 if kind in foreign else 100 * share
        assert abs(sum(found == kind for found in staged) - expected) <= 2, kind


def test_the_choices_for_a_video_are_uncorrelated() -> None:
    params = world()
    places = np.array(
        [
            [cast.spread(params, "youtube_vos", what, index) for what in ("staging", "camouflage", "later start")]
            for index in range(400)
        ]
    )
    assert np.abs(np.corrcoef(places.T) - np.eye(3)).max() < 0.1
    for column in places.T:
        assert np.abs(np.histogram(column, 10, (0, 1))[0] - 40).max() <= 3


def test_each_category_appears_before_any_is_repeated() -> None:
    assert len(CREATURES) >= 10
    for layout in ("davis", "youtube_vos", "lasot", "pix2gestalt"):
        firsts = {cast.categories(world(), layout, index)[0] for index in range(len(CREATURES))}
        assert firsts == set(CREATURES)


def test_there_are_seven_motions() -> None:
    motions = {"walk", "swim", "fly", "roll", "turn", "crawl", "sway"}
    assert {creature.motion for creature in CREATURES.values()} == motions


@pytest.mark.parametrize("category", sorted(CREATURES))
def test_every_creature_draws_the_parts_that_captions_may_name(category: str) -> None:
    creature = CREATURES[category]
    parts = creature.draw(0.4)
    names = {part.name for part in parts if part.colour is None}
    assert set(creature.accents) <= names
    assert set(creature.patterned) <= set(creature.accents)
    assert not creature.torso or creature.torso in names
    assert len(names) >= 2
    other = creature.draw(1.3)
    assert [part.outline_N2.shape for part in parts] == [part.outline_N2.shape for part in other]
    posed = [np.concatenate([part.outline_N2 for part in drawn]) for drawn in (parts, other)]
    assert np.abs(posed[0] - posed[1]).max() > 0.05


def _contrast(params: WorldParams, index: int) -> float:
    """The share of object 1's pixels that clearly differ from the background."""
    scene = scenes.stage(params, "davis", index)
    size = (params.height, params.width)
    behind_HW3 = planes.view(scene.backdrop, scene.camera, 0, *size)
    (layer,) = scenes.layers(scene, 0, *size)
    frame_HW3 = render.composite(behind_HW3, [layer])
    differs_HW = np.abs(frame_HW3.astype(int) - behind_HW3).max(axis=2) > 25
    return float(differs_HW[render.amodal(layer, *size)].mean())


def test_an_object_differs_clearly_from_the_background() -> None:
    assert min(_contrast(world(), index) for index in range(16)) > 0.75


def test_a_camouflaged_object_differs_less() -> None:
    plain, camouflaged = (
        np.mean([_contrast(world(camouflaged=share), index) for index in range(16)]) for share in (0.0, 1.0)
    )
    assert camouflaged < plain - 0.08


def test_white_objects_have_their_share() -> None:
    for share in (0.0, 0.4, 1.0):
        params = world(white=share, frames=2)
        mains = [scenes.stage(params, "davis", index).actors[0].clothes.main for index in range(50)]
        assert np.mean([main == PALETTE["white"] for main in mains]) == pytest.approx(share, abs=0.16)


def test_marks_differ_clearly_from_the_colour_below() -> None:
    assert min(distance(colour, patterns.tone(colour)) for colour in PALETTE.values()) > 20


@pytest.mark.parametrize("pattern", patterns.PATTERNS)
def test_a_pattern_moves_with_its_part(pattern: str) -> None:
    outline_N2 = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.6], [0.0, 0.6]])
    made = patterns.marks(pattern, outline_N2)
    turn_22 = np.array([[0.0, 1.0], [-1.0, 0.0]])
    moved = patterns.following(outline_N2, 2.0 * outline_N2 @ turn_22 + 3.0, made)
    for before_N2, after_N2 in zip(made, moved, strict=True):
        assert np.allclose(after_N2, 2.0 * before_N2 @ turn_22 + 3.0)


@pytest.mark.parametrize("kind", sorted(backgrounds.KINDS))
def test_a_backdrop_has_structure_and_moving_parts(kind: str) -> None:
    generator = np.random.default_rng(3)
    colours = ((176, 206, 228), (88, 118, 92), (226, 208, 170))
    made = backgrounds.backdrop(kind, colours, (HEIGHT, WIDTH), (HEIGHT + 24, WIDTH + 24), generator)
    assert (made[0].rgba_HW4[..., 3] == 255).all()
    still = planes.Camera(0.0, 0.0, 0.0)
    one_HW3, other_HW3 = (planes.view(made, still, frame, HEIGHT, WIDTH) for frame in (0, 12))
    assert one_HW3.shape == (HEIGHT, WIDTH, 3)
    assert one_HW3.std(axis=(0, 1)).max() > 8
    assert (np.abs(one_HW3.astype(int) - other_HW3).max(axis=2) > 6).mean() > 0.01


def test_nearer_planes_drift_farther() -> None:
    marked_HW4 = np.zeros((40, 60, 4), np.uint8)
    marked_HW4[:, 30] = 255
    camera = planes.Camera(4.0, 0.0, np.pi / 2)
    columns = [
        int(np.argmax(planes.look(planes.Plane(marked_HW4, depth), camera, 0, 20, 40)[10, :, 3]))
        for depth in (0.0, 0.5, 1.0, 1.5)
    ]
    assert columns == [20, 18, 16, 14]


@pytest.mark.parametrize("kind", [*foregrounds.KINDS, "wall"])
def test_a_foreground_covers_a_part_of_the_middle(kind: str) -> None:
    outlines = foregrounds.shape(kind, (64, 96), np.random.default_rng(5))
    plane = foregrounds.foreground(outlines, (104, 82, 62), 0.3, (64, 96), (84, 116))
    middle_HW = plane.rgba_HW4[30:64, 34:82, 3] >= 128
    assert 0.04 < middle_HW.mean() < 0.98
    assert (plane.rgba_HW4[..., :3].max(axis=2) <= plane.rgba_HW4[..., 3]).all()


def test_the_lit_side_is_brighter() -> None:
    square_N2 = np.array([[20.0, 20.0], [60.0, 20.0], [60.0, 60.0], [20.0, 60.0]])
    paint = render.Paint(square_N2, (120, 120, 120), lined=False)
    for light, brighter, darker in ((1.2, np.s_[:, 25:], np.s_[:, :15]), (-1.2, np.s_[:, :15], np.s_[:, 25:])):
        layer = render.draw([paint], 1.0, light, 80, 80)
        x0, y0, _, _ = layer.box
        inner_hw = layer.rgb_hw3[20 - y0 : 60 - y0, 20 - x0 : 60 - x0].mean(axis=2)
        assert inner_hw[brighter].mean() > inner_hw[darker].mean() + 8


def test_an_object_outside_the_frame_draws_nothing() -> None:
    square_N2 = np.array([[-40.0, 0.0], [-20.0, 0.0], [-20.0, 20.0]])
    layer = render.draw([render.Paint(square_N2, (9, 9, 9), lined=True)], 1.0, 0.0, 32, 48)
    assert not render.amodal(layer, 32, 48).any()
    behind_HW3 = np.full((32, 48, 3), 77, np.uint8)
    assert np.array_equal(render.composite(behind_HW3, [layer]), behind_HW3)


def test_an_object_behind_a_foreground_is_visible_in_the_first_frame_and_partly_hidden_later() -> None:
    params = world(fenced=1.0, frames=8, width=112)
    for index in range(26):
        shots = list(film(params, scenes.stage(params, "lasot", index)))
        seen = [float(shot.visible[0].sum() / shot.amodal[0].sum()) for shot in shots]
        assert seen[0] > 0.3, index
        assert min(seen) < 0.92, index


def test_the_visible_mask_agrees_with_the_frame() -> None:
    """Without the foreground, the frame is the same on the visible mask and differs on the hidden part."""
    params = world(fenced=1.0, frames=2)
    for index in range(6):
        scene = scenes.stage(params, "davis", index)
        (shot, _), (bare, _) = (list(film(params, s)) for s in (scene, scene._replace(foreground=None)))
        assert np.array_equal(shot.amodal[0], bare.amodal[0])
        differs_HW = np.abs(shot.frame_HW3.astype(int) - bare.frame_HW3).max(axis=2) > 0
        hidden_HW = shot.amodal[0] & ~shot.visible[0]
        assert differs_HW[shot.visible[0]].mean() < 0.35, "only the foreground's edge mixes in"
        if hidden_HW.any():
            assert differs_HW[hidden_HW].mean() > 0.9


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"videos": 0}, "greater than or equal to 1"),
        ({"frames": 1}, "greater than or equal to 2"),
        ({"height": 31}, "greater than or equal to 32"),
        ({"shares": {**SHARES, "crowded": 1.5}}, "less than or equal to 1"),
        ({"shares": {**SHARES, "crowded": 0.6, "hidden": 0.3, "leaving": 0.2}}, "is 1.1; a video has one of them"),
        ({"pair_rate_min": 0.5, "pair_rate_max": 0.4}, "pair_rate_min is 0.5 and pair_rate_max 0.4; give the smaller"),
    ],
)
def test_invalid_params_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        world(**wrong)


def test_an_unknown_path_is_refused() -> None:
    scene = scenes.stage(world(frames=2), "davis", 0)
    route = scene.actors[0].route._replace(path="zigzag")
    with pytest.raises(ValueError, match="path is 'zigzag'; known are 'across', 'turn' and 'oscillate'"):
        act(world(frames=2), ("davis", 0, 0), "fish", scene.actors[0].clothes, route)


def test_unknown_kinds_are_refused_by_name() -> None:
    generator = np.random.default_rng(1)
    colour = (1, 2, 3)
    with pytest.raises(ValueError, match="backdrop kind is 'moon'; known are meadow"):
        backgrounds.backdrop("moon", (colour, colour, colour), (32, 32), (40, 40), generator)
    with pytest.raises(ValueError, match="foreground kind is 'moon'; known are fence"):
        foregrounds.shape("moon", (32, 32), generator)
    with pytest.raises(ValueError, match="pattern is 'dotted'; known are striped"):
        patterns.marks("dotted", np.zeros((3, 2)))
