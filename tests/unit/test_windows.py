"""Windows over a video: they cover every frame, start where the paper puts them, and are averaged by frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.tiny_models import SAMPLER, randn
from tgvac.sampling.windows import average_windows, frames_of, shift_at, weights_of, windows, windows_at


@given(st.integers(1, 200), st.integers(1, 40), st.data())
def test_windows_cover_every_frame_and_end_at_the_end(frames: int, length: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, length))
    spans = windows(frames, length, stride)
    assert spans[0].start == 0
    assert spans[-1].stop == frames
    assert {len(s) for s in spans} == {min(length, frames)}
    assert {i for s in spans for i in s} == set(range(frames))
    steps = [b.start - a.start for a, b in pairwise(spans)]
    assert all(step == stride for step in steps[:-1])
    assert all(0 < step <= stride for step in steps)


@pytest.mark.parametrize(
    ("frames", "length", "stride", "starts"),
    [
        (1, 14, 4, [0]),
        (13, 14, 4, [0]),
        (14, 14, 4, [0]),
        (15, 14, 4, [0, 1]),
        (18, 14, 4, [0, 4]),
        (22, 14, 4, [0, 4, 8]),
        (42, 14, 14, [0, 14, 28]),
        (30, 14, 14, [0, 14, 16]),
        (70, 14, 8, [0, 8, 16, 24, 32, 40, 48, 56]),
    ],
)
def test_windows_start_where_the_paper_puts_them(frames: int, length: int, stride: int, starts: list[int]) -> None:
    spans = windows(frames, length, stride)
    assert [s.start for s in spans] == starts
    assert all(len(s) == min(frames, length) for s in spans)


@pytest.mark.parametrize(("frames", "length", "stride"), [(0, 4, 2), (9, 0, 1), (9, 4, 0), (9, 4, 5)])
def test_windows_that_would_leave_gaps_are_refused(frames: int, length: int, stride: int) -> None:
    with pytest.raises(ValueError, match="cannot cover"):
        windows(frames, length, stride)


@pytest.mark.parametrize(("group", "groups"), [(1, [1, 1, 1]), (2, [2, 1]), (5, [3])])
def test_predictions_are_averaged_over_the_windows_that_see_a_frame(group: int, groups: list[int]) -> None:
    asked: list[int] = []

    def predict(some: Sequence[range]) -> torch.Tensor:
        asked.append(len(some))
        return torch.stack([torch.full((4, 1, 1, 1), float(span.start)) for span in some])

    # Windows start at 0, 2 and 4, and predict their start.
    parts = list(average_windows(predict, 8, windows(8, 4, 2), group))
    found = torch.cat([part for _, part in parts])
    assert [i for frames, _ in parts for i in frames] == list(range(8))
    assert found.flatten().tolist() == [0, 0, 1, 1, 3, 3, 4, 4]
    assert asked == groups


@given(st.integers(1, 200), st.integers(1, 40), st.booleans(), st.data())
def test_shifted_windows_cover_every_frame_too(frames: int, length: int, beyond: bool, data: st.DataObject) -> None:
    stride, shift = data.draw(st.integers(1, length)), data.draw(st.integers(0, 100))
    spans = windows(frames, length, stride, shift, beyond)
    assert {len(s) for s in spans} == {min(length, frames)}
    assert {i for s in spans for i in s if 0 <= i < frames} == set(range(frames))
    assert [s.start for s in spans] == sorted({s.start for s in spans})
    if not beyond:
        assert spans[0].start == 0
        assert spans[-1].stop == frames
    assert all((s.start - shift) % stride == 0 for s in (spans if beyond and frames > length else spans[1:-1]))


@given(st.integers(15, 90), st.integers(0, 13))
def test_beyond_the_ends_each_frame_is_in_as_many_windows_as_in_the_middle(frames: int, shift: int) -> None:
    spans = windows(frames, 14, 7, shift, beyond=True)
    assert {sum(i in s for s in spans) for i in range(frames)} == {2}
    assert all(s.start < frames and s.stop > 0 for s in spans), "each window shows a frame of the video"


@pytest.mark.parametrize(
    ("span", "frames", "shown"),
    [
        (range(-3, 2), 9, [3, 2, 1, 0, 1]),
        (range(7, 11), 9, [7, 8, 7, 6]),
        (range(-4, 5), 3, [0, 1, 2, 1, 0, 1, 2, 1, 0]),
    ],
)
def test_beyond_an_end_the_video_runs_backwards(span: range, frames: int, shown: list[int]) -> None:
    assert frames_of(span, frames) == shown
    assert frames_of(range(-2, 3), 1) == [0] * 5


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 14, 16, 25])
def test_windows_without_overlap_begin_at_every_frame_in_turn(length: int) -> None:
    assert sorted(shift_at(k, length) for k in range(length)) == list(range(length))
    assert shift_at(length, length) == shift_at(0, length)


def test_the_first_steps_have_overlapping_windows_and_the_others_shifted_ones() -> None:
    sampler = SAMPLER.model_copy(update={"steps": 10, "overlap": 0.3, "clip_frames": 14, "stride": 4})
    for step in range(10):
        spans = windows_at(step, 70, sampler)
        if step < 3:
            assert spans == windows(70, 14, 4)
        else:
            borders = {s.start for s in spans[1:-1]}
            assert {b % 14 for b in borders} == {shift_at(step, 14)}
    assert windows_at(9, 70, sampler.model_copy(update={"overlap": 1.0})) == windows(70, 14, 4)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 5), st.booleans(), st.booleans(), st.data())
def test_averages_come_in_the_order_of_the_video_and_equal_those_over_all_windows(
    frames: int, length: int, group: int, beyond: bool, triangular: bool, data: st.DataObject
) -> None:
    stride, shift = data.draw(st.integers(1, length)), data.draw(st.integers(0, 9))
    spans, kind = windows(frames, length, stride, shift, beyond), "triangular" if triangular else "flat"
    made = {span: randn(len(span), 2, 1, 1, seed=span.start + 50) for span in spans}
    parts = list(average_windows(lambda some: torch.stack([made[s] for s in some]), frames, spans, group, kind))
    assert [i for part, _ in parts for i in part] == list(range(frames))
    found = torch.cat([part for _, part in parts])
    for i in range(frames):
        inside = [s for s in spans if i in s]
        # The weight falls by one a frame from the middle of a window to its ends, where it is 1.
        weights = [min(i - s.start, s.stop - 1 - i) + 1.0 if triangular else 1.0 for s in inside]
        total = sum(w * made[s][i - s.start].double() for w, s in zip(weights, inside, strict=True))
        torch.testing.assert_close(found[i].double(), total / sum(weights), rtol=0, atol=1e-5)


def test_triangular_weights_are_least_at_the_ends() -> None:
    assert weights_of(5, "triangular").tolist() == [1, 2, 3, 2, 1]
    assert weights_of(4, "triangular").tolist() == [1, 2, 2, 1]
    assert weights_of(3, "flat").tolist() == [1, 1, 1]
