"""The interval itself: crossed trainings against sums of squares by hand, p values, and coverage in simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student

from tgvac.metrics.intervals import LEAST, MOST, effective_number, influence_of, spread_of
from tgvac.seeds import rng


def taken(videos: int, resamples: int = 400) -> np.ndarray:
    """How often each video is in each resample."""
    drawn_RV = rng("test", "intervals", videos).integers(0, videos, (resamples, videos))
    return np.stack([np.bincount(drawn_V, minlength=videos) for drawn_V in drawn_RV]).astype(np.float64)


def test_crossed_trainings_have_the_variance_of_videos_and_of_trainings() -> None:
    # Videos are 0, 3 and 9 in all trainings, which add 0, 1 and 5 to each: no single value has a variance of its own.
    part_VT = np.array([0.0, 3.0, 9.0])[:, None] + np.array([0.0, 1.0, 5.0])[None, :]
    found = spread_of(part_VT, 3, taken(3))
    # By hand: variances of 21 and 7 of the two sets of means, each a third of the variance of the mean of three.
    assert found.error == pytest.approx(math.sqrt(21 / 3 + 7 / 3))
    # Satterthwaite: (63 + 21)^2 / (63^2 / 2 + 21^2 / 2) of the mean squares 3 * 21 and 3 * 7.
    assert found.freedom == pytest.approx(84**2 / (63**2 / 2 + 21**2 / 2))
    assert found.share == pytest.approx(0.75)


def test_variance_of_single_values_is_counted_once() -> None:
    # A checkerboard: no video and no training differs from another in its mean.
    part_VT = np.array([[1.0, -1.0, 1.0, -1.0], [-1.0, 1.0, -1.0, 1.0]] * 2)
    found = spread_of(part_VT, 4, taken(4))
    # By hand: 16 squares of 1 with 9 degrees of freedom, over 16 values.
    assert found.error == pytest.approx(math.sqrt(16 / 9 / 16))


def test_influences_of_unequal_videos_give_the_jackknifes_variance() -> None:
    sum_VT, count_VT = np.array([[1.0], [8.0], [3.0], [0.5]]), np.array([[2.0], [9.0], [4.0], [1.0]])
    mean = sum_VT.sum() / count_VT.sum()
    without = [(sum_VT.sum() - s) / (count_VT.sum() - n) for (s,), (n,) in zip(sum_VT, count_VT, strict=True)]
    found = influence_of(sum_VT, count_VT)[:, 0]
    assert found == pytest.approx([3 * (mean - each) for each in without])
    assert found.var(ddof=1) / 4 == pytest.approx(3 / 4 * sum((each - np.mean(without)) ** 2 for each in without))


def test_videos_of_unequal_numbers_of_frames_count_as_fewer() -> None:
    assert effective_number(np.full((9, 2), 3.0)) == pytest.approx(9)
    # By hand: 20 squared over 1 + 4 + 9 + 16 + 100.
    assert effective_number(np.array([[1.0], [2], [3], [4], [10]])) == pytest.approx(400 / 130)
    assert effective_number(np.array([[1.0], [1], [0], [0]])) == pytest.approx(2)


def test_symmetric_differences_have_students_interval_and_skewed_ones_reach_farther_to_their_tail() -> None:
    symmetric = np.linspace(-1, 1, 41)[:, None]
    below, above = spread_of(symmetric, 41, taken(41, 20_000)).reach(0.95)
    half = student.ppf(0.975, 40) * symmetric.std(ddof=1) / math.sqrt(41)
    assert (below, above) == pytest.approx((half, half), rel=0.05)
    skewed = np.exp(2 * symmetric)
    below, above = spread_of(skewed, 41, taken(41, 20_000)).reach(0.95)
    assert above > 1.2 * below


def test_the_stretch_is_bounded() -> None:
    part_VT = np.array([[0.0]] * 9 + [[1.0]])
    below, above = spread_of(part_VT, 10, taken(10)).reach(0.95)
    half = student.ppf(0.975, 9) * part_VT.std(ddof=1) / math.sqrt(10)
    assert (below, above) == pytest.approx((LEAST * half, MOST * half))


@pytest.mark.parametrize("trainings", [1, 5])
@pytest.mark.parametrize("side", [1, -1])
def test_the_p_value_is_one_minus_the_confidence_of_the_interval_that_just_reaches(trainings: int, side: int) -> None:
    draw = np.random.Generator(np.random.PCG64(4))
    spread = spread_of(draw.lognormal(size=(15, trainings)), 15, taken(15))
    for confidence in (0.5, 0.95, 0.999):
        reached = spread.reach(confidence)[0 if side > 0 else 1]
        # Between two resamples the quantile does not move, so neither does the reach.
        assert spread.p(side * reached * 1.001) <= 1 - confidence + 1e-9
        assert spread.p(side * reached * 0.999) >= (1 - confidence) * 0.9
    assert spread.p(0) == pytest.approx(1, abs=0.01)


def test_equal_values_are_certain() -> None:
    spread = spread_of(np.full((9, 3), 0.1), 9, taken(9))
    assert spread.reach(0.95) == pytest.approx((0, 0), abs=1e-12)


def test_one_video_has_no_interval() -> None:
    with pytest.raises(ValueError, match="at least 2 source videos, not 1"):
        spread_of(np.array([[0.1]]), 1, taken(2))


@pytest.mark.parametrize(("law", "least"), [("normal", 0.93), ("skewed", 0.92), ("t5", 0.93)])
def test_ten_videos_cover_about_as_often_as_they_say(law: str, least: float) -> None:
    """1,000 draws have a standard error of 0.7 %; benchmarks/coverage.py makes 10,000."""
    draw, drawn = np.random.Generator(np.random.PCG64(7)), taken(10, 999)
    laws = {
        "normal": lambda: draw.normal(size=10),
        "skewed": lambda: draw.lognormal(0, 0.5, 10) - math.exp(0.125),
        "t5": lambda: draw.standard_t(5, 10),
    }
    covered = 0
    for _ in range(1000):
        value_V = laws[law]()
        below, above = spread_of(value_V[:, None], 10, drawn).reach(0.95)
        covered += value_V.mean() - below <= 0 <= value_V.mean() + above
    assert least <= covered / 1000 <= 0.98


def test_five_trainings_cover_the_mean_of_all_trainings_and_one_training_does_not() -> None:
    draw, drawn = np.random.Generator(np.random.PCG64(8)), taken(20, 499)
    covered = {1: 0, 5: 0}
    for _ in range(400):
        part_VT = draw.normal(size=(20, 1)) + draw.normal(0, 0.3, (1, 5)) + draw.normal(0, 0.3, (20, 5))
        for trainings in covered:
            mine_VT = part_VT[:, :trainings]
            below, above = spread_of(mine_VT, 20, drawn).reach(0.95)
            covered[trainings] += mine_VT.mean() - below <= 0 <= mine_VT.mean() + above
    assert covered[5] / 400 >= 0.92
    assert covered[1] / 400 < 0.92, "one training cannot tell how trainings vary"
