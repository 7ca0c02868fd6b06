"""Aggregation: means over frames, intervals over source videos, differences over pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.intervals_by_loops import interval
from tgvac.metrics.aggregate import Estimate, mean_with_interval, paired_difference, paired_gain


def rows(values: Mapping[str, Sequence[float]], train_seed: int = 0, **cell: Any) -> pd.DataFrame:
    """Rows of one cell: one sample a source video, its values frame by frame."""
    common = {"scale": "tiny", "method": "ours", "variant": "full", "mask_source": "given", "metric": "lpips"}
    return pd.DataFrame(
        [
            {**common, "train_seed": train_seed, "sample_seed": 0, "sample": f"{video}-0", "video": video}
            | {"frame": frame, "rate": 0.3, "value": value, **cell}
            for video, series in values.items()
            for frame, value in enumerate(series)
        ],
        columns=[*common, "train_seed", "sample_seed", "sample", "video", "frame", "rate", "value"],
    )


VALUES = {"a": [0.1, 0.2, 0.3], "b": [0.8], "c": [0.4, 0.5]}
SERIES = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.floats(-1, 1), min_size=1, max_size=4), min_size=2)


def test_the_estimate_is_the_mean_over_frames_not_over_videos() -> None:
    found = mean_with_interval(rows(VALUES), 200, 0.95, "x")
    assert found.mean == pytest.approx(2.3 / 6)
    assert (found.videos, found.frames) == (3, 6)


def test_the_interval_is_that_of_leaving_out_and_drawing_videos_one_by_one() -> None:
    draw = np.random.Generator(np.random.PCG64(5))
    values = {f"v{i:02d}": draw.lognormal(0, 1, draw.integers(1, 9)).tolist() for i in range(12)}
    found = mean_with_interval(rows(values), 400, 0.9, "one by one")
    # In the loops, each frame has a "training" of its own; they only average over them.
    frames = {(i, k): value for i, series in enumerate(values.values()) for k, value in enumerate(series)}
    assert (found.low, found.high) == pytest.approx(interval([frames], [1], 400, 0.9, "one by one"))
    # Large values are rare, so the mean may be too low rather than too high.
    assert found.high - found.mean > 1.2 * (found.mean - found.low)


def test_two_videos_have_students_interval_within_the_bounds_of_the_stretch() -> None:
    found = mean_with_interval(rows({"a": [0], "b": [1]}), 200, 0.5, "two")
    # Their standard error is 0.5, and the upper quartile of Student's distribution with one degree of freedom is 1.
    # Three resamples of four are not spread (both a, both b) or have no error (one of each), so the stretch is bounded.
    for reach in (found.mean - found.low, found.high - found.mean):
        assert 0.5 - 1e-9 <= reach <= 1.5 * 0.5 + 1e-9


def test_frames_of_one_video_do_not_count_as_independent() -> None:
    few = mean_with_interval(rows({"a": [0.0], "b": [1.0], "c": [0.5]}), 2000, 0.95, "w")
    many = mean_with_interval(rows({"a": [0.0] * 50, "b": [1.0] * 50, "c": [0.5] * 50}), 2000, 0.95, "w")
    assert (many.low, many.high) == pytest.approx((few.low, few.high))


def test_the_interval_covers_the_true_mean_about_as_often_as_its_confidence() -> None:
    draw = np.random.Generator(np.random.PCG64(11))
    covered = 0
    for trial in range(150):
        values = {f"v{i}": (draw.normal() + 0.1 * draw.normal(size=4)).tolist() for i in range(25)}
        found = mean_with_interval(rows(values), 400, 0.9, trial)
        covered += found.low <= 0 <= found.high
    assert 0.8 <= covered / 150 <= 0.97


@settings(max_examples=40, deadline=None)
@given(SERIES, st.randoms(use_true_random=False))
def test_names_alone_decide_the_draw_and_the_order_of_rows_changes_no_bit(values: Any, random: Any) -> None:
    table = rows(values)
    order = list(range(len(table)))
    random.shuffle(order)
    found = mean_with_interval(table, 100, 0.95, "cell", 1)
    assert mean_with_interval(table.iloc[order], 100, 0.95, "cell", 1) == found
    assert found.low <= found.mean <= found.high


def test_other_names_give_another_draw() -> None:
    draw = np.random.Generator(np.random.PCG64(2))
    table = rows({f"v{i}": draw.normal(size=3).tolist() for i in range(9)})
    assert mean_with_interval(table, 300, 0.9, "a").high != mean_with_interval(table, 300, 0.9, "b").high


def test_values_that_could_not_be_measured_are_dropped() -> None:
    found = mean_with_interval(rows({"a": [0.1, math.nan], "b": [math.nan], "c": [0.3]}), 100, 0.95, "x")
    assert found.mean == pytest.approx(0.2)
    assert (found.videos, found.frames) == (2, 2)


def test_one_video_has_a_mean_but_no_interval() -> None:
    found = mean_with_interval(rows({"a": [0.1, 0.3], "b": [math.nan]}), 100, 0.95, "x")
    assert found.mean == pytest.approx(0.2)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.videos == 1


def test_no_rows_give_nan() -> None:
    for table in (rows({}), rows({"a": [math.nan]})):
        found = mean_with_interval(table, 100, 0.95, "x")
        assert math.isnan(found.mean)
        assert (found.videos, found.frames) == (0, 0)


def test_rows_of_two_cells_or_the_same_row_twice_are_refused() -> None:
    for column in ("scale", "method", "variant", "mask_source", "metric"):
        other: dict[str, Any] = {column: "other"}
        mixed: pd.DataFrame = pd.concat([rows(VALUES), rows({"d": [0.1]}, **other)])
        with pytest.raises(ValueError, match=f"'{column}'"):
            mean_with_interval(mixed, 100, 0.95, "x")
    with pytest.raises(ValueError, match="twice"):
        mean_with_interval(pd.concat([rows(VALUES), rows(VALUES)]), 100, 0.95, "x")
    with pytest.raises(ValueError, match="infinite"):
        mean_with_interval(rows({"a": [math.inf], "b": [0]}), 100, 0.95, "x")
    with pytest.raises(ValueError, match="confidence"):
        mean_with_interval(rows(VALUES), 100, 95, "x")


def test_from_three_trainings_on_the_interval_is_about_trainings_and_wider_where_they_disagree() -> None:
    values = {f"v{i:02d}": [0.01 * i] for i in range(20)}

    def trained(*shifts: float) -> Estimate:
        parts = [
            rows({name: [series[0] + shift] for name, series in values.items()}, train_seed=seed)
            for seed, shift in enumerate(shifts)
        ]
        return mean_with_interval(pd.concat(parts), 400, 0.95, "s")

    one, two, alike, apart = trained(0), trained(0, 0.1), trained(0, 0, 0), trained(0, 0.1, 0.2)
    assert [each.of for each in (one, two, alike)] == [
        *("this training", "these 2 trainings", "trainings (3 seeds)"),
    ]
    # The given trainings are no sample: that they disagree says nothing of how far their own mean is off.
    assert two.high - two.low == pytest.approx(one.high - one.low)
    assert alike.high - alike.low == pytest.approx(one.high - one.low, rel=0.1)
    # By hand: the three means have the standard deviation 0.1, and Student's quantile of 2 degrees of freedom is 4.30;
    # as videos have a small part of the variance, there is a little more than 2.
    assert 3.5 * 0.1 / math.sqrt(3) < (apart.high - apart.low) / 2 < 4.3 * 0.11 / math.sqrt(3)
    assert apart.videos == 20


def test_seeds_that_only_some_videos_have_leave_a_finite_interval() -> None:
    table = pd.concat([rows({"a": [0.1], "b": [0.2]}), rows({"c": [0.3]}, train_seed=1)])
    found = mean_with_interval(table, 500, 0.95, "s")
    assert math.isfinite(found.low)
    assert found.low <= found.mean <= found.high < 1


def test_a_difference_is_taken_frame_by_frame() -> None:
    better = {name: [value - 0.05 for value in series] for name, series in VALUES.items()}
    found = paired_difference(rows(VALUES), rows(better, method="other"), 500, 0.95, "d")
    # The differences are constant, so the interval is one point although the videos differ a lot.
    assert (found.mean, found.low, found.high) == pytest.approx((0.05, 0.05, 0.05))
    assert (found.videos, found.frames) == (3, 6)


@settings(max_examples=30, deadline=None)
@given(SERIES)
def test_swapping_the_sides_changes_the_sign_of_the_difference(values: Any) -> None:
    other = rows({name: [value**2 for value in series] for name, series in values.items()}, method="other")
    ab, ba = paired_difference(rows(values), other, 50, 0.9, "d"), paired_difference(other, rows(values), 50, 0.9, "d")
    assert (ba.mean, ba.low, ba.high) == pytest.approx((-ab.mean, -ab.high, -ab.low), abs=1e-9)


def test_frames_without_a_partner_and_pairs_with_a_gap_are_left_out() -> None:
    b = rows({"a": [0.0, math.nan], "c": [0.0, 0.0, 9.0]}, method="other")
    found = paired_difference(rows(VALUES), b, 100, 0.95, "d")
    assert found.mean == pytest.approx((0.1 + 0.4 + 0.5) / 3)
    assert (found.videos, found.frames) == (2, 3)
    nothing = paired_difference(rows(VALUES), rows({"z": [1.0]}, method="other"), 100, 0.95, "d")
    assert (nothing.videos, nothing.frames) == (0, 0)
    assert math.isnan(nothing.mean)


def test_a_method_without_training_seeds_meets_every_seed_of_ours() -> None:
    ours = pd.concat([rows({"a": [0.4], "b": [0.6]}, train_seed=seed) for seed in (0, 1)])
    baseline = rows({"a": [0.1], "b": [0.2]}, train_seed=-1, method="pix2gestalt")
    assert paired_difference(ours, baseline, 100, 0.95, "d").frames == 0
    found = paired_difference(ours, baseline, 100, 0.95, "d", on=("sample", "frame"))
    assert found.mean == pytest.approx(0.35)
    assert (found.videos, found.frames) == (2, 4)
    swapped = paired_difference(baseline, ours, 100, 0.95, "d", on=("sample", "frame"))
    assert (swapped.mean, swapped.low, swapped.high) == pytest.approx((-found.mean, -found.high, -found.low))
    assert (swapped.videos, swapped.frames) == (2, 4)
    with pytest.raises(ValueError, match="both sides have several rows"):
        paired_difference(ours, ours, 100, 0.95, "d", on=("sample", "frame"))


def test_pairs_that_mean_different_things_are_refused() -> None:
    with pytest.raises(ValueError, match="one metric"):
        paired_difference(rows(VALUES), rows(VALUES, metric="clip"), 100, 0.95, "d")
    moved = rows(VALUES, method="other").assign(video="elsewhere")
    with pytest.raises(ValueError, match="two source videos"):
        paired_difference(rows(VALUES), moved, 100, 0.95, "d")
    with pytest.raises(ValueError, match="not on"):
        paired_difference(rows(VALUES), rows(VALUES), 100, 0.95, "d", on=("video",))


def test_a_gain_is_the_difference_of_two_differences_with_one_draw_of_videos() -> None:
    # By hand: on hard frames a - b is 0.3, 0.5 and 0.4 (mean 0.4), on easy ones 0.1, 0.2 and 0.1, 0.2 (mean 0.15).
    hard_a, hard_b = rows({"a": [0.5], "b": [0.8], "c": [0.6]}), rows({"a": [0.2], "b": [0.3], "c": [0.2]}, method="m")
    easy_a, easy_b = rows({"a": [0.3, 0.4], "b": [0.5, 0.6]}), rows({"a": [0.2, 0.2], "b": [0.4, 0.4]}, method="m")
    found = paired_gain((hard_a, hard_b), (easy_a, easy_b), 500, 0.95, "g")
    assert found.mean == pytest.approx(0.25)
    assert (found.videos, found.frames) == (2, 7)
    assert found.low <= found.mean <= found.high
    # If every video has the same gain, the interval is one point, however much the two differences vary.
    draw = np.random.Generator(np.random.PCG64(3))
    base = {f"v{i}": float(draw.normal()) for i in range(8)}
    zero = rows({name: [0.0] for name in base}, method="m")
    more, less = rows({k: [v + 0.1] for k, v in base.items()}), rows({k: [v] for k, v in base.items()})
    exact = paired_gain((more, zero), (less, zero), 300, 0.95, "g")
    assert (exact.mean, exact.low, exact.high) == pytest.approx((0.1, 0.1, 0.1))


def test_a_gain_without_frames_of_one_kind_is_nan() -> None:
    some, other = rows(VALUES), rows(VALUES, method="m")
    for sides in (((some, other), (rows({}), rows({}))), ((rows({}), rows({})), (some, other))):
        found = paired_gain(*sides, 100, 0.95, "g")
        assert math.isnan(found.mean)
        assert (found.videos, found.frames) == (0, 6)
    more, less = ((rows({"a": [a]}), rows({"a": [b]}, method="m")) for a, b in ((0.5, 0.2), (0.1, 0.0)))
    single = paired_gain(more, less, 100, 0.9, "g")
    assert single.mean == pytest.approx(0.2)
    assert math.isnan(single.low)


def test_a_cell_of_the_papers_size_is_feasible() -> None:
    # 1,400 videos of 5 frames and 2,000 resamples: weights on sums, not copies of rows.
    values = {f"v{i}": [i / 1400] * 5 for i in range(1400)}
    found = mean_with_interval(rows(values), 2000, 0.95, "large")
    assert isinstance(found, Estimate)
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(1 / 12 / 1400), rel=0.1)
