"""Windows over a video: they cover every frame, start where the paper puts them, and are averaged by frame."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tgvac.sampling.windows import average_windows, windows


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
    found = average_windows(predict, torch.zeros(8, 1, 1, 1), windows(8, 4, 2), group)
    assert found.flatten().tolist() == [0, 0, 1, 1, 3, 3, 4, 4]
    assert asked == groups
