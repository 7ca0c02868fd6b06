"""Boxes: resized, clipped to the frame, compared, and computed from masks."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.builders import box as rectangle
from tgvac.clips.box import Box


def test_a_box_is_resized_with_its_image() -> None:
    assert Box(x=2, y=3, w=4, h=5).scaled(0.5, 2) == Box(x=1, y=6, w=2, h=10)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (Box(x=2, y=3, w=4, h=5), Box(x=2, y=3, w=4, h=5)),
        (Box(x=-2, y=-1, w=4, h=5), Box(x=0, y=0, w=2, h=4)),
        (Box(x=18, y=8, w=4, h=5), Box(x=18, y=8, w=2, h=2)),
        (Box(x=-1, y=-1, w=30, h=30), Box(x=0, y=0, w=20, h=10)),
        (Box(x=20, y=3, w=4, h=5), None),
        (Box(x=2, y=-5, w=4, h=5), None),
    ],
)
def test_a_box_is_clipped_to_an_image_of_10_by_20(given: Box, kept: Box | None) -> None:
    assert given.clipped(10, 20) == kept


@pytest.mark.parametrize(
    ("other", "iou"),
    [
        (Box(x=0, y=0, w=4, h=4), 1.0),
        (Box(x=2, y=0, w=4, h=4), 8 / 24),
        (Box(x=1, y=1, w=2, h=2), 4 / 16),
        (Box(x=4, y=0, w=4, h=4), 0.0),
        (Box(x=9, y=9, w=1, h=1), 0.0),
    ],
)
def test_iou_is_intersection_over_union(other: Box, iou: float) -> None:
    box = Box(x=0, y=0, w=4, h=4)
    assert box.iou(other) == other.iou(box) == pytest.approx(iou)


def test_the_box_of_a_mask_touches_its_outermost_pixels() -> None:
    mask_HW = rectangle(10, 20, 2, 3, 6, 8) | rectangle(10, 20, 9, 19, 10, 20)
    assert Box.of_mask(rectangle(10, 20, 2, 3, 6, 8)) == Box(x=3, y=2, w=5, h=4)
    assert Box.of_mask(mask_HW) == Box(x=3, y=2, w=17, h=8)
    assert Box.of_mask(np.zeros((10, 20), np.uint8)) is None


@pytest.mark.parametrize("bad", [{"w": 0}, {"h": -1}, {"x": float("nan")}, {"y": float("inf")}])
def test_a_box_is_finite_and_has_an_area(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Input should be"):
        Box(**{"x": 0.0, "y": 0.0, "w": 1.0, "h": 1.0, **bad})
