"""Selection: each rule on hand-made masks, and the resulting stretches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.builders import Array, box
from tgvac.clips.geometry import FrameGeometry, measure
from tgvac.synthesis.params import SelectParams
from tgvac.synthesis.selection import Stretch, frame_faults, runs, select_track

H, W = 40, 60


def params(**changes: Any) -> SelectParams:
    values: dict[str, Any] = {
        "min_frames": 2,
        "min_area": 0.005,
        "max_border": 0.0,
        "max_other_parts": 0.05,
        "max_touch": 0.05,
        "max_area_change": 1.5,
        "min_whole_share": 0.5,
    }
    return SelectParams.model_validate({**values, **changes})


GOOD = box(H, W, 10, 10, 20, 20)


def seen(mask: Array, others: Array | None = None) -> FrameGeometry:
    return measure(mask, np.zeros((H, W), np.uint8) if others is None else others)


@pytest.mark.parametrize(
    ("mask", "others", "fault"),
    [
        (GOOD, None, ""),
        (np.zeros((H, W), np.uint8), None, "absent"),
        (box(H, W, 10, 10, 13, 13), None, "small"),  # 9 of 2400
        (box(H, W, 10, 10, 13, 14), None, ""),  # 12 of 2400: exactly the minimum
        (box(H, W, 0, 10, 10, 20), None, "border"),
        (box(H, W, 30, 10, 40, 20), None, "border"),
        (box(H, W, 10, 0, 20, 10), None, "border"),
        (box(H, W, 10, 50, 20, 60), None, "border"),
        (box(H, W, 1, 1, 11, 11), None, ""),
        (GOOD | box(H, W, 30, 30, 33, 33), None, "parts"),  # 9 of 109
        (GOOD | box(H, W, 30, 30, 31, 34), None, ""),  # 4 of 104
        (GOOD, box(H, W, 10, 20, 20, 30), "touch"),
        (GOOD, box(H, W, 10, 22, 20, 30), ""),
    ],
)
def test_each_rule_on_a_mask_made_by_hand(mask: Array, others: Array | None, fault: str) -> None:
    assert frame_faults(params(), [seen(mask, others)]) == [fault]


def test_a_frame_that_was_not_annotated_is_absent() -> None:
    assert frame_faults(params(), [None]) == ["absent"]


def test_a_jump_of_the_area_is_a_fault_of_the_later_frame_both_ways() -> None:
    small, large = seen(box(H, W, 10, 10, 20, 20)), seen(box(H, W, 10, 10, 20, 26))
    assert frame_faults(params(), [small, small, large, large, small]) == ["", "", "jump", "", "jump"]
    assert frame_faults(params(max_area_change=1.6), [small, large, small]) == ["", "", ""]


def test_the_frame_after_an_absence_is_not_a_jump() -> None:
    assert frame_faults(params(), [seen(GOOD), None, seen(GOOD)]) == ["", "absent", ""]


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=30), st.integers(1, 5))
def test_runs_are_the_maximal_ones_that_are_long_enough(good: list[bool], minimum: int) -> None:
    found = runs(good, minimum)
    text = "".join("x" if ok else "." for ok in good)
    expected, at = [], 0
    for part in text.replace(".", " . ").split():
        if "x" in part and len(part) >= minimum:
            expected.append((at, len(part)))
        at += len(part)
    assert found == expected


def test_a_track_gives_its_stretches_and_the_reasons_for_the_rest() -> None:
    geometry = [seen(GOOD)] * 3 + [seen(box(H, W, 0, 10, 10, 20))] + [seen(GOOD)] + [None] + [seen(GOOD)] * 2
    verdict = select_track(params(), "s/v/1", "s/v", "s", geometry)
    assert verdict.stretches == (Stretch("s/v/1", "s/v", "s", 0, 3), Stretch("s/v/1", "s/v", "s", 6, 2))
    assert (verdict.whole, verdict.frames, verdict.refused) == (6, 8, "")
    assert verdict.reasons == {"absent": 1, "border": 1}


def test_a_track_that_is_seldom_whole_is_refused_entirely() -> None:
    geometry = [seen(GOOD)] * 2 + [None] * 2
    assert select_track(params(), "t", "v", "s", geometry).refused == ""  # exactly the minimum share
    verdict = select_track(params(), "t", "v", "s", [*geometry, None])
    assert (verdict.refused, verdict.stretches, verdict.whole) == ("share", (), 2)


def test_a_track_that_is_never_whole_for_long_is_refused_for_its_length() -> None:
    verdict = select_track(params(min_frames=3), "t", "v", "s", [seen(GOOD), seen(GOOD), None])
    assert (verdict.refused, verdict.stretches) == ("length", ())


def test_a_failed_mask_is_a_fault_where_the_object_is_there() -> None:
    geometry = [seen(GOOD)] * 6 + [None]
    verdicts = ["given", "made", "lost", "outside", "box", "jump", "lost"]
    assert frame_faults(params(), geometry, verdicts) == ["", "", "mask", "mask", "mask", "mask", "absent"]


def test_a_track_whose_masks_are_refused_gives_nothing() -> None:
    geometry, verdicts = [seen(GOOD)] * 4, ["made", "made", "made", "jump"]
    kept = select_track(params(), "t", "v", "s", geometry, verdicts)
    assert (kept.refused, kept.reasons, len(kept.stretches)) == ("", {"mask": 1}, 1)
    verdict = select_track(params(), "t", "v", "s", geometry, verdicts, refused_masks=True)
    assert (verdict.refused, verdict.stretches, verdict.reasons) == ("mask", (), {"mask": 1})


def test_verdicts_for_another_number_of_frames_raise_an_error() -> None:
    with pytest.raises(ValueError, match="2 verdicts for 1 frames"):
        frame_faults(params(), [seen(GOOD)], ["made", "made"])
