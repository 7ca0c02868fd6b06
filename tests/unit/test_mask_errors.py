"""Visible masks with an error of the outline: they fall from the true ones as asked, alike for all methods."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from tgvac.completion.mask_errors import SPAN, _fields, with_errors

FRAMES, HEIGHT, WIDTH = 12, 72, 96
PIXELS = (0.5, 1.0, 2.0, 4.0, 8.0)


def discs(radius: int = 20) -> np.ndarray:
    """A disc that moves to the right."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack(
        [np.where((y - 36) ** 2 + (x - 30 - 2 * i) ** 2 <= radius**2, 255, 0).astype(np.uint8) for i in range(FRAMES)]
    )


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.count_nonzero(a & b) / np.count_nonzero(a | b))


def test_masks_fall_gradually_from_the_true_ones_and_what_is_wrong_stays_wrong() -> None:
    exact = discs()
    noisy = [with_errors(exact, pixels, "a") for pixels in PIXELS]
    overlaps = [overlap(exact, each) for each in noisy]
    assert overlaps == sorted(overlaps, reverse=True)
    assert overlaps[0] > 0.9
    assert 0.1 < overlaps[-1] < 0.7
    wrong = [each != exact for each in noisy]
    assert all((~smaller | larger).all() for smaller, larger in pairwise(wrong))
    assert all(each.dtype == np.uint8 and np.isin(each, (0, 255)).all() for each in noisy)


def test_the_outline_is_off_by_as_many_pixels_as_asked() -> None:
    # Half planes, so that no curve of the outline counts, and many fields.
    exact = np.zeros((FRAMES, 160, 160), np.uint8)
    exact[:, :, :80] = 255
    for pixels in (1.0, 3.0):
        noisy = [with_errors(exact, pixels, "field", k) for k in range(20)]
        # The outline of each row is at the number of its white pixels.
        off = np.stack([np.count_nonzero(each, axis=2) for each in noisy]) - 80.0
        assert np.sqrt(np.mean(off**2)) == pytest.approx(pixels, rel=0.25)
        assert abs(off.mean()) < 0.35 * pixels, "too wide as often as too narrow"


def test_errors_are_smooth_along_the_outline_and_in_time() -> None:
    fields = np.stack(list(_fields((3 * SPAN, HEIGHT, WIDTH), "a")))
    assert np.allclose(np.sqrt((fields**2).mean(axis=(1, 2))), 1, atol=1e-5)
    for axis in range(3):
        assert np.sqrt(np.mean(np.diff(fields, axis=axis) ** 2)) < 0.35
    assert np.corrcoef(fields[0].ravel(), fields[2 * SPAN].ravel())[0, 1] < 0.9, "it does change"
    noisy = with_errors(discs(), 2.0, "a")
    # No salt and pepper: the mask is one piece.
    assert all(cv2.connectedComponents(mask_HW)[0] == 2 for mask_HW in noisy)


def test_errors_are_drawn_by_name_alone() -> None:
    exact = discs()
    assert np.array_equal(with_errors(exact, 2.0, "a"), with_errors(exact, 2.0, "a"))
    assert not np.array_equal(with_errors(exact, 2.0, "a"), with_errors(exact, 2.0, "b"))


def test_a_mask_is_never_lost_and_an_empty_one_stays_empty() -> None:
    exact = discs(radius=1)
    exact[3] = 0
    noisy = with_errors(exact, 50.0, "a")
    assert not noisy[3].any()
    assert all((noisy[i] & exact[i]).any() for i in range(FRAMES) if i != 3)


def test_a_mask_that_fills_the_frame_has_no_outline_to_be_wrong() -> None:
    full = np.full((2, 20, 30), 255, np.uint8)
    assert np.array_equal(with_errors(full, 4.0, "a"), full)
