"""Which clips are evaluated: a rule of names, the same for every method of a kind."""

from __future__ import annotations

import pytest

from tgvac.clips.recipe import Recipe
from tgvac.completion.evaluated import SHORT, evaluated, frames_of
from tgvac.completion.params import EvaluationParams, LongParams
from tgvac.methods.params import MethodParams

LONG = MethodParams(clips="long")


def recipe(video: str, number: int, frames: int, split: str = "val") -> Recipe:
    return Recipe(
        recipe=f"world/{video}/1/r{number}",
        target=f"world/{video}/1",
        video=f"world/{video}",
        source="world",
        split=split,  # type: ignore[arg-type]
        start=0,
        frame_step=1,
        frames=frames,
        occluders=(),
        seed=0,
        mean_rate=0.3,
        max_rate=0.5,
    )


RECIPES = [recipe(video, n, 10 + 10 * n) for video in "abcdef" for n in range(4)] + [recipe("g", 0, 40, "train")]


def evaluation(per_video: int = 0, frames: int = 28, long: int = 40, videos: int = 0) -> EvaluationParams:
    return EvaluationParams(
        split="val",
        frames=frames,
        per_video=per_video,
        long=LongParams(frames=long, videos=videos),
        mask_source="given",
        methods=("ours/full",),
        train_seeds=(0,),
        sample_seed=0,
    )


def test_all_recipes_of_the_split_count_where_no_number_is_named() -> None:
    found = evaluated(reversed(RECIPES), evaluation(), SHORT)
    assert [r.recipe for r in found] == sorted(r.recipe for r in RECIPES if r.split == "val")


@pytest.mark.parametrize("per_video", [1, 2, 3])
def test_each_source_video_gives_at_most_its_share_and_a_smaller_share_is_part_of_a_larger(per_video: int) -> None:
    found = evaluated(RECIPES, evaluation(per_video), SHORT)
    assert sorted(r.video for r in found) == sorted(
        v for v in {r.video for r in RECIPES[:-1]} for _ in range(per_video)
    )
    more = evaluated(RECIPES, evaluation(per_video + 1), SHORT)
    assert {r.recipe for r in found} < {r.recipe for r in more}


def test_another_video_changes_no_choice_among_the_others() -> None:
    without = [r for r in RECIPES if r.video != "world/c"]
    assert set(evaluated(without, evaluation(1), SHORT)) < set(evaluated(RECIPES, evaluation(1), SHORT))


def test_long_clips_are_the_long_ones_one_a_video_of_a_bounded_number_of_videos() -> None:
    found = evaluated(RECIPES, evaluation(per_video=2, long=30, videos=4), LONG)
    assert len({r.video for r in found}) == len(found) == 4
    assert all(r.frames >= 30 for r in found)
    assert len(evaluated(RECIPES, evaluation(long=30), LONG)) == 6
    assert evaluated(RECIPES, evaluation(long=41), LONG) == []


def test_frames_are_capped_by_the_kind_of_clip_and_by_the_recipe() -> None:
    assert frames_of(RECIPES[0], evaluation(), SHORT) == 10
    assert frames_of(RECIPES[3], evaluation(), SHORT) == 28
    assert frames_of(RECIPES[3], evaluation(), LONG) == 40
