"""Paired differences and gains of methods with and without training seeds, against pairs made by loops."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pytest

from tests.unit.intervals_by_loops import interval as by_loops
from tests.unit.report_project import METRICS
from tgvac.errors import BadInput
from tgvac.metrics.aggregate import Estimate
from tgvac.metrics.difficulty import Group
from tgvac.report.scores import Measured, Scored, score_of

CLIP = score_of("clip")
RATES = (0.2, 0.7)
"""Each video has an easy frame and a hard one."""

Values = Mapping[int, Sequence[Sequence[float]]]
"""By training seed, the values of each video's two frames."""

TRAINED: Values = {
    0: [(0.90, 0.80), (0.70, 0.65), (0.60, 0.30), (0.85, 0.60), (0.55, 0.50), (0.75, 0.45), (0.65, 0.35)],
    1: [(0.80, 0.60), (0.75, 0.70), (0.50, 0.40), (0.95, 0.55), (0.45, 0.60), (0.70, 0.40), (0.60, 0.30)],
}
OTHER_TRAINED: Values = {
    0: [(0.50, 0.45), (0.60, 0.55), (0.40, 0.35), (0.65, 0.50), (0.35, 0.25), (0.55, 0.30), (0.45, 0.20)],
    1: [(0.90, 0.95), (0.85, 0.90), (0.80, 0.70), (0.99, 0.80), (0.75, 0.85), (0.95, 0.65), (0.85, 0.60)],
}
UNTRAINED: Values = {-1: [(0.3, 0.1), (0.4, 0.2), (0.2, 0.3), (0.5, 0.1), (0.3, 0.2), (0.1, 0.2), (0.4, 0.1)]}


def measured(a: Values, b: Values) -> tuple[Measured, Scored, Scored]:
    """The rows of two methods."""
    rows = [
        {"scale": "tiny", "method": "m", "variant": variant, "mask_source": "given", "train_seed": seed}
        | {"sample_seed": 0, "sample": f"v{video}/r0", "video": f"v{video}", "frame": frame, "metric": "clip"}
        | {"rate": rate, "value": values[frame]}
        for variant, by_seed in (("a", a), ("b", b))
        for seed, videos in by_seed.items()
        for video, values in enumerate(videos)
        for frame, rate in enumerate(RATES)
    ]
    numbers = Measured(pd.DataFrame(rows), METRICS, "given")
    return numbers, Scored("m", "a", "given"), Scored("m", "b", "given")


def pairs(a: Values, b: Values, frame: int) -> dict[tuple[int, int], float]:
    """``a - b`` of one frame by video and training seed: seeds match, and no seed matches every seed."""
    return {
        (video, max(seed_a, seed_b)): a[seed_a][video][frame] - b[seed_b][video][frame]
        for seed_a in a
        for seed_b in b
        if seed_a == seed_b or -1 in (seed_a, seed_b)
        for video in range(len(a[seed_a]))
    }


def interval(
    found: Sequence[Mapping[tuple[int, int], float]], signs: Sequence[int], *names: str
) -> tuple[float, float]:
    return by_loops(found, signs, METRICS.bootstrap, METRICS.confidence, *names)


def check(found: Estimate, mean: float, ends: tuple[float, float], frames: int) -> None:
    assert (found.mean, found.low, found.high) == pytest.approx((mean, *ends), abs=1e-9)
    assert (found.videos, found.frames) == (7, frames)


@pytest.mark.parametrize(
    ("a", "b", "count", "means"),
    [
        # Sums by hand, easy and hard: TRAINED 5.00 + 4.75 and 3.65 + 3.55, OTHER_TRAINED 3.50 + 6.09 and 2.60 + 5.45,
        # UNTRAINED 2.2 and 1.2.
        (TRAINED, UNTRAINED, 14, (9.75 / 14 - 2.2 / 7, 7.2 / 14 - 1.2 / 7)),
        (UNTRAINED, TRAINED, 14, (2.2 / 7 - 9.75 / 14, 1.2 / 7 - 7.2 / 14)),
        (TRAINED, OTHER_TRAINED, 14, (9.75 / 14 - 9.59 / 14, 7.2 / 14 - 8.05 / 14)),
        (OTHER_TRAINED, TRAINED, 14, (9.59 / 14 - 9.75 / 14, 8.05 / 14 - 7.2 / 14)),
        (UNTRAINED, UNTRAINED, 7, (0.0, 0.0)),
        ({0: TRAINED[0]}, UNTRAINED, 7, (5.0 / 7 - 2.2 / 7, 3.65 / 7 - 1.2 / 7)),
        (UNTRAINED, {0: TRAINED[0]}, 7, (2.2 / 7 - 5.0 / 7, 1.2 / 7 - 3.65 / 7)),
        ({0: TRAINED[0]}, {0: OTHER_TRAINED[0]}, 7, (5.0 / 7 - 3.5 / 7, 3.65 / 7 - 2.6 / 7)),
    ],
)
def test_each_pair_counts_once_per_seed_whichever_side_has_seeds(
    a: Values, b: Values, count: int, means: tuple[float, float]
) -> None:
    numbers, of_a, of_b = measured(a, b)
    easy, hard = (pairs(a, b, frame) for frame in range(2))
    assert len(easy) == len(hard) == count
    names = ("m/a", "m/b")
    groups: tuple[tuple[Group, Any, float], ...] = (("easy", easy, means[0]), ("hard", hard, means[1]))
    for group, frame, mean in groups:
        ends = interval([frame], [1], "difference", *names, group, "clip")
        check(numbers.difference(of_a, of_b, CLIP, group), mean, ends, count)
    ends = interval([hard, easy], [1, -1], "gain", *names, "hard", "easy", "clip")
    check(numbers.gain(of_a, of_b, CLIP, "hard", "easy"), means[1] - means[0], ends, 2 * count)


def test_a_gain_has_one_draw_of_videos_for_both_classes_also_if_one_class_lacks_a_seed() -> None:
    half: Values = {0: TRAINED[0], 1: [(easy, math.nan) for easy, _ in TRAINED[1]]}
    for a, b, sign in ((half, UNTRAINED, 1), (UNTRAINED, half, -1)):
        numbers, of_a, of_b = measured(a, b)
        rows = pd.concat([numbers.rows_of(of, "clip", "all") for of in (of_a, of_b)])
        numbers = Measured(rows[rows["value"].notna()], METRICS, "given")
        easy, hard = pairs(a, b, 0), {key: value for key, value in pairs(a, b, 1).items() if key[1] == 0}
        mean = sign * ((3.65 - 1.2) / 7 - (9.75 / 14 - 2.2 / 7))
        ends = interval([hard, easy], [1, -1], "gain", "m/a", "m/b", "hard", "easy", "clip")
        check(numbers.gain(of_a, of_b, CLIP, "hard", "easy"), mean, ends, 7 + 14)


def test_a_method_with_one_training_is_paired_with_that_training_of_the_other() -> None:
    single = {0: OTHER_TRAINED[0]}
    for a, b, sign in ((TRAINED, single, 1), (single, TRAINED, -1)):
        numbers, of_a, of_b = measured(a, b)
        found = numbers.difference(of_a, of_b, CLIP, "easy")
        assert found.mean == pytest.approx(sign * (5.0 - 3.5) / 7)
        assert (found.frames, found.trainings, found.of) == (7, 1, "this training")


def test_a_seed_that_one_of_two_methods_lacks_is_refused_whichever_it_is() -> None:
    more: Values = TRAINED | {2: TRAINED[0]}
    for a, b in ((more, OTHER_TRAINED), (OTHER_TRAINED, more)):
        numbers, of_a, of_b = measured(a, b)
        lacking, other = ("m/b", "m/a") if a is more else ("m/a", "m/b")
        with pytest.raises(BadInput, match=f"{lacking} has no rows of training seed 2, which {other} has; run"):
            numbers.difference(of_a, of_b, CLIP, "easy")


def test_the_seeds_of_two_methods_are_paired_and_not_mixed() -> None:
    """Both methods vary by training alike, so that the difference is certain if, and only if, seeds are paired."""
    shifts = {0: 0.0, 1: 0.3, 2: -0.3}
    a: Values = {seed: [(easy + by, hard + by) for easy, hard in TRAINED[0]] for seed, by in shifts.items()}
    b: Values = {seed: [(easy - 0.1, hard - 0.1) for easy, hard in a[seed]] for seed in shifts}
    swapped: Values = {0: b[1], 1: b[2], 2: b[0]}
    for first, second, sign in ((a, b, 1), (b, a, -1)):
        numbers, of_a, of_b = measured(first, second)
        found = numbers.difference(of_a, of_b, CLIP, "easy")
        assert (found.mean, found.low, found.high) == pytest.approx((sign * 0.1,) * 3)
    numbers, of_a, of_b = measured(a, swapped)
    mixed = numbers.difference(of_a, of_b, CLIP, "easy")
    assert mixed.mean == pytest.approx(0.1)
    assert mixed.high - mixed.low > 1, "trainings of other seeds differ by 0.3 to 0.6"


def test_methods_without_a_common_frame_have_no_difference() -> None:
    numbers, of_a, _ = measured(UNTRAINED, TRAINED)
    found = numbers.difference(of_a, Scored("m", "c", "given"), CLIP, "easy")
    assert math.isnan(found.mean)
    assert found.frames == 0
