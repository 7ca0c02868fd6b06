"""Claims on rows: each comparison by its interval, a claim by all of its comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from tests.unit.report_project import METRICS
from tests.unit.simulated_votes import as_file, simulated
from tests.unit.test_votes import METHODS
from tgvac.errors import BadInput
from tgvac.methods.params import MethodParams
from tgvac.metrics.aggregate import Estimate
from tgvac.preference.params import ExcludeParams
from tgvac.report.claims import Claim, Comparison
from tgvac.report.frozen import Frozen, Power
from tgvac.report.methods import stand_ins
from tgvac.report.paper import Direction
from tgvac.report.preference import preference_of
from tgvac.report.scores import Measured, outside, score_of
from tgvac.report.verdicts import Judged, judge

MANY = METRICS.model_copy(update={"bootstrap": 400})
VIDEOS = 10
SMALLEST = {"clip": 0.005, "lpips": 0.005, "tc": 0.005, "user_preference": 0.05}
Values = Mapping[str, Sequence[float]]


def measured(easy: Values, hard: Values, metric: str = "clip", videos: int = VIDEOS) -> Measured:
    """Rows of methods: an easy and a hard frame of each source video, its value drawn from a repeating pattern."""
    rows = []
    for frame, (values, rate) in enumerate(((easy, 0.2), (hard, 0.7))):
        for name, pattern in values.items():
            method, variant = name.split("/")
            for video in range(videos):
                rows.append(
                    {"scale": "tiny", "method": method, "variant": variant, "mask_source": "given", "train_seed": 0}
                    | {"sample_seed": 0, "sample": f"v{video}/r0", "video": f"v{video}", "frame": frame}
                    | {"metric": metric, "rate": rate, "value": pattern[video % len(pattern)]}
                )
    return Measured(pd.DataFrame(rows), MANY, "given", smallest=SMALLEST)


def claim(*comparisons: Comparison, untested: str | None = None) -> Claim:
    return Claim("c", "4", "q", "s", comparisons, untested)


def better(metric: str, direction: Direction, than: str = "table3.mask_only") -> tuple[Comparison, ...]:
    return tuple(
        Comparison("better", (f"table2.ours.{group}.{metric}", f"{than}.{group}.{metric}"), direction)
        for group in ("easy", "hard")
    )


def one(numbers: Measured, *comparisons: Comparison) -> Judged:
    (judged,) = judge([claim(*comparisons)], numbers, ("ours/full", "ours/no_text", "ours/no_motion"))
    return judged


def test_a_claim_holds_when_every_comparison_does_with_its_whole_interval() -> None:
    numbers = measured({"ours/full": [0.8, 0.9], "ours/no_text": [0.7]}, {"ours/full": [0.6], "ours/no_text": [0.5]})
    found = one(numbers, *better("clip", "up"))
    assert found.verdict == "holds"
    assert [t.verdict for t in found.tested] == ["holds", "holds"]
    # By hand: (0.1 + 0.2) / 2 and 0.1.
    assert [t.estimate.mean for t in found.tested] == pytest.approx([0.15, 0.1])
    assert [t.groups for t in found.tested] == [("easy", "easy"), ("hard", "hard")]


def test_lower_is_better_where_the_metric_says_so() -> None:
    rows = {"ours/full": [0.1, 0.2], "ours/no_text": [0.4]}
    numbers = measured(rows, rows, "lpips")
    assert one(numbers, *better("lpips", "down")).verdict == "holds"
    swapped = {"ours/full": rows["ours/no_text"], "ours/no_text": rows["ours/full"]}
    assert one(measured(swapped, swapped, "lpips"), *better("lpips", "down")).verdict == "fails"


def test_one_undecided_comparison_leaves_a_claim_undecided_and_one_failed_makes_it_fail() -> None:
    good, bad = {"ours/full": [0.9], "ours/no_text": [0.5]}, {"ours/full": [0.4], "ours/no_text": [0.5]}
    open_ = {"ours/full": [0.4, 0.6], "ours/no_text": [0.5]}
    found = one(measured(good, open_), *better("clip", "up"))
    assert ([t.verdict for t in found.tested], found.verdict) == (["holds", "undecided"], "undecided")
    found = one(measured(good, bad), *better("clip", "up"))
    assert ([t.verdict for t in found.tested], found.verdict) == (["holds", "fails"], "fails")
    found = one(measured(open_, bad), *better("clip", "up"))
    assert ([t.verdict for t in found.tested], found.verdict) == (["undecided", "fails"], "fails")


def test_a_failure_among_many_must_hold_at_the_confidence_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interval that excludes zero at 95 % but not at 97.5 % fails alone, but not as one of two."""
    numbers = measured({"ours/full": [0.4], "ours/no_text": [0.5]}, {"ours/full": [0.9], "ours/no_text": [0.5]})
    seen: list[float] = []

    def difference(a: object, b: object, score: object, group: str, confidence: float) -> Estimate:
        seen.append(confidence)
        barely = Estimate(-0.1, -0.2, -0.01 if confidence < 0.96 else 0.01, VIDEOS, VIDEOS)
        return barely if group == "easy" else Estimate(0.4, 0.3, 0.5, VIDEOS, VIDEOS)

    monkeypatch.setattr(numbers, "difference", difference)
    easy, hard = better("clip", "up")
    assert one(numbers, easy).verdict == "fails"
    found = one(numbers, easy, hard)
    assert [t.verdict for t in found.tested] == ["fails", "holds"]
    assert found.verdict == "undecided"
    assert seen[-1] == pytest.approx(0.975)


def test_few_source_videos_decide_nothing_and_the_comparison_says_so() -> None:
    rows = {"ours/full": [0.9], "ours/no_text": [0.5]}
    found = one(measured(rows, rows, videos=8), *better("clip", "up"))
    assert found.verdict == "undecided"
    assert {t.why for t in found.tested} == {"8 source videos are fewer than the 9 that a test needs."}
    enough = one(measured(rows, rows, videos=9), *better("clip", "up"))
    assert (enough.verdict, {t.why for t in enough.tested}) == ("holds", {""})
    assert outside(Estimate(0.1, float("nan"), float("nan"), 9, 9), 0) == 0


@pytest.mark.parametrize(
    ("ours", "within", "verdict"),
    [([0.51], 0.05, "holds"), ([0.60], 0.05, "fails"), ([0.40], 0.05, "fails"), ([0.51, 0.60], 0.05, "undecided")],
)
def test_close_needs_the_whole_interval_within_its_bound(ours: Sequence[float], within: float, verdict: str) -> None:
    rows = {"ours/full": ours, "ours/no_text": [0.5]}
    close = Comparison("close", ("table2.ours.easy.clip", "table3.mask_only.easy.clip"), "up", within)
    assert one(measured(rows, rows), close).verdict == verdict


def test_a_gain_compares_two_differences() -> None:
    cells = ("table2.ours.hard.clip", "own.frame_only.hard.clip", "table2.ours.easy.clip", "own.frame_only.easy.clip")
    gain = Comparison("gain", cells, "up")
    easy, hard = {"ours/full": [0.8], "ours/no_motion": [0.7]}, {"ours/full": [0.7, 0.8], "ours/no_motion": [0.4]}
    found = one(measured(easy, hard), gain)
    # By hand: (0.3 + 0.4) / 2 on hard frames, 0.1 on easy ones.
    assert found.tested[0].estimate.mean == pytest.approx(0.25)
    assert found.verdict == "holds"
    assert one(measured(hard, easy), gain).verdict == "fails"
    # A metric where lower is better gains by falling: on hard frames by 0.35, on easy ones by 0.1.
    easy_down, hard_down = ({name: [-v for v in values] for name, values in rows.items()} for rows in (easy, hard))
    lower = tuple(cell.replace("clip", "lpips") for cell in cells)
    numbers = measured(easy_down, hard_down, "lpips")
    assert one(numbers, Comparison("gain", lower, "down")).verdict == "holds"


def test_what_was_not_measured_is_named_and_never_guessed() -> None:
    rows = {"ours/full": [0.9], "ours/no_text": [0.5]}
    numbers = measured(rows, rows)
    missing = one(numbers, *better("clip", "up", "table2.pix2gestalt"))
    assert missing.verdict == "unmeasured"
    assert {t.missing for t in missing.tested} == {"rows of Pix2Gestalt"}
    assert one(numbers, *better("clip", "up", "own.frame_only")).tested[0].missing == "rows of “Ours without motion”"
    votes = one(numbers, *better("user_preference", "up", "table2.pix2gestalt"))
    assert (votes.verdict, votes.tested[0].missing) == ("unmeasured", "votes of people")
    other = one(numbers, *better("tc", "up"))
    assert (other.verdict, other.tested[0].missing) == ("unmeasured", "frames that both have a value for")
    (untested,) = judge([claim(untested="No truth.")], numbers, ("ours/full",))
    assert (untested.verdict, untested.tested) == ("untested", ())


def test_a_claim_on_user_preference_is_decided_by_votes_and_by_nothing_else() -> None:
    rows = {"ours/full": [0.9], "ours/no_text": [0.5], "ours/no_motion": [0.5]}
    names = ("ours/full", "ours/no_motion", "ours/no_text")

    def verdict(favour: str, people: int = 20, videos: int = VIDEOS, methods: tuple[str, ...] = names) -> Judged:
        draw = np.random.default_rng(0)
        utilities = tuple(3.0 if name == favour else 0.0 for name in names)
        to = dict(zip(METHODS, methods, strict=True))
        votes = [
            each.model_copy(
                update={
                    "difficulty": group,
                    "sample": f"{group}/{each.sample}",
                    "choice": to[each.choice],
                    "shown": tuple((to[name], digest) for name, digest in each.shown),
                }
            )
            for group in ("easy", "hard")
            for each in simulated(draw, people, videos, utilities)
        ]
        exclude = ExcludeParams(unfinished=False, fastest=0, same_position=1000, checks_failed=1)
        numbers = measured(rows, rows)
        numbers.preference = preference_of(as_file(votes, methods=tuple(sorted(methods))), exclude)
        return one(numbers, *better("user_preference", "up"))

    assert verdict("ours/full").verdict == "holds"
    assert verdict("ours/no_text").verdict == "fails"
    assert verdict("ours/no_motion").verdict == "undecided"
    assert verdict("ours/full", videos=8).verdict == "undecided", "too few source videos"
    others = verdict("ours/full", methods=("ours/full", "a/b", "c/d"))
    assert (others.verdict, {t.missing for t in others.tested}) == ("unmeasured", {"votes on both"})
    (first, _) = verdict("ours/full").tested
    assert (first.estimate.frames, first.estimate.videos) == (20 * VIDEOS, VIDEOS)


def test_a_failed_comparison_fails_the_claim_though_another_was_not_measured() -> None:
    rows = {"ours/full": [0.4], "ours/no_text": [0.5]}
    found = one(measured(rows, rows), *better("clip", "up"), *better("clip", "up", "own.frame_only"))
    assert found.verdict == "fails"
    good = {"ours/full": [0.6], "ours/no_text": [0.5]}
    found = one(measured(good, good), *better("clip", "up"), *better("clip", "up", "own.frame_only"))
    assert found.verdict == "unmeasured"


def test_rows_with_other_masks_are_not_the_main_rows() -> None:
    rows = {"ours/full": [0.9], "ours/no_text": [0.5]}
    numbers = measured(rows, rows)
    tracked = Measured(
        pd.concat([numbers.rows_of(of, "clip", "all") for of in numbers.scored()]).assign(mask_source="tracked"),
        MANY,
        "given",
        smallest=SMALLEST,
    )
    assert one(tracked, *better("clip", "up")).verdict == "unmeasured"


def test_numbers_of_a_cell_are_computed_once_and_the_confidence_changes_no_draw() -> None:
    rows = {"ours/full": [0.9, 0.2, 0.7], "ours/no_text": [0.5]}
    numbers = measured(rows, rows)
    a, b = numbers.find("ours/full"), numbers.find("ours/no_text")
    assert a is not None
    assert b is not None
    clip = score_of("clip")
    first = numbers.difference(a, b, clip, "easy")
    assert numbers.difference(a, b, clip, "easy") is first
    wide = numbers.difference(a, b, clip, "easy", 0.999)
    assert wide.low <= first.low <= first.mean <= first.high <= wide.high
    assert numbers.difference(a, b, clip, "easy", MANY.confidence) == first
    assert numbers.sample_means(a, "clip")["v1/r0"] == pytest.approx(0.2)
    assert numbers.frames(["ours/full", "ours/no_text"], "clip", "hard") == (VIDEOS, VIDEOS)


def test_a_comparison_with_a_stand_in_of_a_published_method_is_not_decidable() -> None:
    numbers = measured({"ours/full": [0.9], "pix2gestalt/full": [0.7]}, {"ours/full": [0.6], "pix2gestalt/full": [0.5]})
    claimed = claim(*better("clip", "up", than="table2.pix2gestalt"))
    methods = ("ours/full", "pix2gestalt/full")
    (decided,) = judge([claimed], numbers, methods)
    (undecided,) = judge([claimed], numbers, methods, {"pix2gestalt/full"})
    assert decided.verdict == "holds"
    assert undecided.verdict == "undecidable"
    assert [t.verdict for t in undecided.tested] == ["undecidable", "undecidable"]
    # The difference is measured all the same.
    assert [t.estimate.mean for t in undecided.tested] == pytest.approx([0.2, 0.1])


def test_a_baseline_stands_in_unless_its_networks_are_its_authors() -> None:
    methods = {name: MethodParams() for name in ("ours/full", "pix2gestalt/full", "progressive/oracle", "white/plain")}
    methods["pix2gestalt/published"] = MethodParams(published="weights/pix2gestalt")
    assert stand_ins(methods, methods, "stand-ins") == {"pix2gestalt/full", "progressive/oracle"}
    assert stand_ins(methods, methods, "pretrained") == {"pix2gestalt/full"}


def test_two_rows_that_are_alike_fail_a_claim_that_one_is_better() -> None:
    alike = {"ours/full": [0.501, 0.499], "ours/no_text": [0.5]}
    found = one(measured(alike, alike), *better("clip", "up"))
    assert (found.verdict, [t.decided for t in found.tested]) == ("fails", [True, True])
    close = Comparison("close", ("table2.ours.easy.clip", "table3.mask_only.easy.clip"), "up")
    same = one(measured(alike, alike), close)
    assert (same.verdict, same.tested[0].bound) == ("holds", 0.005), "without a bound of its own, the smallest counts"


def test_a_difference_below_the_smallest_of_interest_is_no_better_however_certain_it_is() -> None:
    certain = {"ours/full": [0.504], "ours/no_text": [0.5]}
    assert one(measured(certain, certain), *better("clip", "up")).verdict == "fails"
    barely = {"ours/full": [0.5052], "ours/no_text": [0.5]}
    assert one(measured(barely, barely), *better("clip", "up")).verdict == "holds"


def test_a_metric_without_a_smallest_difference_of_interest_is_refused() -> None:
    rows = {"ours/full": [0.9], "ours/no_text": [0.5]}
    numbers = measured(rows, rows)
    numbers.smallest = {"lpips": 0.005}
    with pytest.raises(BadInput, match=r"report\.smallest has no 'clip', which claims compare"):
        one(numbers, *better("clip", "up"))


def test_strides_are_not_testable_where_sampling_takes_one_step() -> None:
    rows = {"ours/hop2": [0.9], "ours/hop8": [0.5]}
    numbers = measured(rows, rows)
    stride = Comparison("better", ("table4.stride2.clip", "table4.stride8.clip"), "up")
    methods = ("ours/hop2", "ours/hop8")
    (found,) = judge([claim(stride)], numbers, methods, one_step=methods)
    assert (found.verdict, found.tested[0].verdict) == ("untestable", "untestable")
    assert found.tested[0].why.startswith("Sampling takes one step")
    (many,) = judge([claim(stride)], numbers, methods)
    assert many.verdict == "holds"


def test_power_is_that_of_the_frozen_analysis() -> None:
    rows = {"ours/full": [0.9], "ours/no_text": [0.5]}
    easy, hard = better("clip", "up")
    frozen = Frozen(world="w", sizes="s", claims="c", power={easy.id: Power(videos=40, power=0.8)})
    (found,) = judge([claim(easy, hard)], measured(rows, rows), ("ours/full", "ours/no_text"), frozen=frozen)
    assert [(t.power, t.decidable) for t in found.tested] == [(0.8, True), (None, None)]


@pytest.mark.parametrize(
    ("effect", "spread", "videos", "decided", "holds"),
    [
        (0.05, 0.05, 30, (36, 40), (36, 40)),  # planted: clear of the smallest of interest, which is 0.005
        (0.0, 0.05, 12, (0, 4), (0, 3)),  # absent, and too few videos to tell
        (0.0, 0.005, 30, (36, 40), (0, 1)),  # absent, and certain to be small: decided against the claim
    ],
)
def test_planted_effects_are_decided_and_absent_ones_are_not_called_better(
    effect: float, spread: float, videos: int, decided: tuple[int, int], holds: tuple[int, int]
) -> None:
    draw = np.random.Generator(np.random.PCG64(3))
    verdicts = []
    for _ in range(40):
        values = draw.normal(0.7, 0.2, videos)
        rows = {"ours/full": values + draw.normal(effect, spread, videos), "ours/no_text": values}
        (found,) = one(measured(rows, rows, videos=videos), better("clip", "up")[0]).tested
        verdicts.append(found)
    assert decided[0] <= sum(found.decided for found in verdicts) <= decided[1]
    assert holds[0] <= sum(found.verdict == "holds" for found in verdicts) <= holds[1]


def test_videos_of_unequal_numbers_of_frames_may_be_too_few_though_there_are_nine() -> None:
    easy = {"ours/full": [0.9], "ours/no_text": [0.5]}
    numbers = measured(easy, easy, videos=10)
    rows = pd.concat([numbers.rows_of(of, "clip", "easy") for of in numbers.scored()])
    # The first video has nine frames and the others one: 18 squared over 81 + 9 is 3.6.
    more = [rows[rows["video"] == "v0"].assign(frame=frame) for frame in range(1, 9)]
    unequal = Measured(pd.concat([rows, *more]), MANY, "given", smallest=SMALLEST)
    (found,) = one(unequal, better("clip", "up")[0]).tested
    assert (found.verdict, found.estimate.videos) == ("undecided", 10)
    assert found.why == (
        "10 source videos, which count as 3.6 because their numbers of frames differ, are fewer than the 9 that a test"
        " needs."
    )
