"""SSIM of a part, and the warp error, against values that are worked out here."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tgvac.masks.params import DenseFlowParams
from tgvac.metrics import warp_error as module
from tgvac.metrics.ssim import masked_ssim

FLOW = DenseFlowParams(preset="medium", finest_scale=0)
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def warp_error(pred_FHW3: np.ndarray, truth_FHW3: np.ndarray, amodal_FHW: np.ndarray) -> np.ndarray:
    return module.warp_error(pred_FHW3, module.motions_of(truth_FHW3, amodal_FHW, FLOW))


def flat(level: int, size: int = 24) -> np.ndarray:
    return np.full((1, size, size, 3), level, np.uint8)


def everywhere(size: int = 24, frames: int = 1) -> np.ndarray:
    return np.full((frames, size, size), 255, np.uint8)


def test_equal_pictures_have_an_ssim_of_one() -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (1, 24, 24, 3), np.uint8)
    assert masked_ssim(drawn, drawn, everywhere())[0] == pytest.approx(1, abs=1e-12)


def test_flat_pictures_differ_by_their_means_alone() -> None:
    a, b = 90.0, 120.0
    wanted = (2 * a * b + C1) / (a * a + b * b + C1)
    assert masked_ssim(flat(90), flat(120), everywhere())[0] == pytest.approx(wanted, rel=1e-9)


def test_ssim_of_a_pixel_is_that_of_its_gaussian_window() -> None:
    drawn = np.random.default_rng(1)
    a, b = (drawn.integers(0, 256, (1, 24, 24, 3), np.uint8) for _ in range(2))
    inside = np.zeros((1, 24, 24), np.uint8)
    inside[0, 12, 11] = 255
    line = np.array([math.exp(-(k**2) / (2 * 1.5**2)) for k in range(-5, 6)])
    window = np.outer(line, line) / np.outer(line, line).sum()
    wanted = []
    for channel in range(3):
        x, y = (z[0, 7:18, 6:17, channel].astype(float) for z in (a, b))
        mx, my = (window * x).sum(), (window * y).sum()
        vx, vy = (window * (x - mx) ** 2).sum(), (window * (y - my) ** 2).sum()
        both = (window * (x - mx) * (y - my)).sum()
        wanted.append((2 * mx * my + C1) * (2 * both + C2) / ((mx**2 + my**2 + C1) * (vx + vy + C2)))
    assert masked_ssim(a, b, inside)[0] == pytest.approx(float(np.mean(wanted)), rel=1e-9)


def test_only_the_part_counts_and_an_empty_one_has_no_value() -> None:
    a, b = flat(200), flat(200)
    b[:, :, 18:] = 0
    left = np.zeros((1, 24, 24), np.uint8)
    left[:, :, :8] = 255
    assert masked_ssim(a, b, left)[0] == pytest.approx(1, abs=1e-12)
    assert masked_ssim(a, b, everywhere())[0] < 0.9
    assert np.isnan(masked_ssim(a, b, np.zeros_like(left))[0])


SIZE, SIDE, STEP, FRAMES = 64, 28, 2, 5


def moving() -> tuple[np.ndarray, np.ndarray]:
    """A square with a smooth pattern, two pixels a frame to the right, and its masks."""
    y, x = np.mgrid[:SIDE, :SIDE]
    pattern = (128 + 50 * np.sin(x / 3.0) + 50 * np.cos(y / 4.0)).round().astype(np.uint8)
    frames, masks = np.full((FRAMES, SIZE, SIZE, 3), 255, np.uint8), np.zeros((FRAMES, SIZE, SIZE), np.uint8)
    for i in range(FRAMES):
        at = np.s_[i, 18 : 18 + SIDE, 10 + STEP * i : 10 + STEP * i + SIDE]
        frames[at], masks[at] = pattern[..., None], 255
    return frames, masks


def test_the_truth_has_hardly_any_warp_error_and_the_first_frame_none_at_all() -> None:
    frames, masks = moving()
    errors = warp_error(frames, frames, masks)
    assert np.isnan(errors[0])
    assert (errors[1:] < 0.01).all()


def test_flicker_of_twenty_levels_is_an_error_of_twenty_levels() -> None:
    frames, masks = moving()
    flickering = frames.copy()
    flickering[1::2] = np.where(masks[1::2, ..., None] > 0, frames[1::2] - np.uint8(20), frames[1::2])
    errors = warp_error(flickering, frames, masks)
    assert errors[1:] == pytest.approx(np.full(FRAMES - 1, 20 / 255), abs=0.006)


def test_a_pattern_that_stays_while_the_object_moves_is_an_error() -> None:
    frames, masks = moving()
    still = np.broadcast_to(frames[:1], frames.shape).copy()
    assert (warp_error(still, frames, masks)[1:] > 0.03).all()


def test_what_is_outside_of_the_object_and_an_absent_object_count_nothing() -> None:
    frames, masks = moving()
    noisy = frames.copy()
    noise = np.random.default_rng(2).integers(0, 256, frames.shape, np.uint8)
    noisy[masks == 0] = noise[masks == 0]
    inner = warp_error(noisy, frames, masks)[1:]
    assert (inner < 0.03).all()
    masks[3] = 0
    gone = warp_error(frames, frames, masks)
    assert np.isnan(gone[3])
    assert np.isnan(gone[4])


def test_arrays_that_do_not_fit_are_refused() -> None:
    frames, masks = moving()
    with pytest.raises(ValueError, match="differ"):
        warp_error(frames, frames[:-1], masks)
    with pytest.raises(ValueError, match="differ"):
        masked_ssim(frames, frames, masks[:-1])
    with pytest.raises(ValueError, match="must"):
        masked_ssim(frames, frames, masks // 2)
