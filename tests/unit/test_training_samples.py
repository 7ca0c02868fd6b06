"""Pictures along a training: which clips are watched, and how they are laid out."""

from __future__ import annotations

from collections import Counter

import numpy as np

from tests.unit.test_evaluated import recipe
from tgvac.training.samples import choose, grid


def test_other_objects_are_watched_first_then_further_recipes_of_the_same() -> None:
    recipes = [recipe(video, number, 14) for video in "abc" for number in range(3)]
    assert Counter(r.target for r in choose(recipes, 3)) == Counter({r.target: 1 for r in recipes[::3]})
    assert Counter(r.target for r in choose(recipes, 6)) == Counter({r.target: 2 for r in recipes[::3]})
    assert sorted(r.recipe for r in choose(recipes, 20)) == sorted(r.recipe for r in recipes)


def test_the_choice_depends_on_names_and_not_on_the_order() -> None:
    recipes = [recipe(video, number, 14) for video in "abc" for number in range(3)]
    assert choose(recipes, 4) == choose(recipes[::-1], 4)


def test_another_recipe_leaves_the_order_of_the_others() -> None:
    recipes = [recipe(video, 0, 14) for video in "abcd"]
    order = [r.recipe for r in choose(recipes, 4)]
    with_another = [r.recipe for r in choose([*recipes, recipe("e", 0, 14)], 5)]
    assert [name for name in with_another if name in order] == order


def test_tiles_stand_in_columns_with_white_between() -> None:
    columns = [tuple(np.full((4, 4, 3), 10 * x + y, np.uint8) for y in range(3)) for x in range(2)]
    picture = grid(columns)
    assert picture.shape == (3 * 6 - 2, 2 * 6 - 2, 3)
    assert [[int(picture[y * 6, x * 6, 0]) for x in range(2)] for y in range(3)] == [[0, 10], [1, 11], [2, 12]]
    assert (picture[4:6] == 255).all()
    assert (picture[:, 4:6] == 255).all()
