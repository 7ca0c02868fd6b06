"""How an object moves, from the pixels that two frames both show.

Occlusion cuts visible parts, so their boxes and centroids jump although the object doesn't, and their outlines move
with the occluder. Only colours at jointly visible pixels show how the object moved: the best displacement has the
smallest mean squared difference there. Sums over all displacements are correlations, so two inverse Fourier
transforms score them all at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.fft import irfft2, rfft2

_PATH_COST = 1e-4
"""Cost of a pixel of displacement, in squared distance of colours: so small that it only breaks ties."""


@dataclass(frozen=True)
class Patch:
    """The visible part of a frame, cut at its box: RGB ``uint8 [h,w,3]``, mask ``uint8 [h,w]``, and where it lies."""

    rgb_hw3: np.ndarray
    mask_hw: np.ndarray
    top: int
    left: int


def cut(frame_HW3: np.ndarray, mask_HW: np.ndarray) -> Patch | None:
    """The visible part of a frame; None where nothing is visible."""
    ys, xs = np.flatnonzero(mask_HW.any(axis=1)), np.flatnonzero(mask_HW.any(axis=0))
    if len(ys) == 0:
        return None
    box = slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1)
    return Patch(frame_HW3[box], mask_HW[box], int(ys[0]), int(xs[0]))


def displacement(a: Patch, b: Patch, overlap: float, farthest: float) -> tuple[int, int] | None:
    """How far the object of ``a`` has moved in ``b``, rows and columns, in whole pixels.

    Args:
        overlap: share of the smaller visible part that must be visible in both: a fragment fits nearly everywhere.
        farthest: longest displacement to try, in pixels.

    Returns:
        None where no displacement leaves enough in common.
    """
    (height_a, width_a), (height_b, width_b) = a.mask_hw.shape, b.mask_hw.shape
    # Room for both beside each other, so that no shift wraps into another.
    shape = cv2.getOptimalDFTSize(height_a + height_b), cv2.getOptimalDFTSize(width_a + width_b)
    (seen_a, square_a, *colour_a), (seen_b, square_b, *colour_b) = (rfft2(_planes(p), shape) for p in (a, b))
    cross = sum(cb * ca.conj() for ca, cb in zip(colour_a, colour_b, strict=True))
    count_yx = irfft2(seen_b * seen_a.conj(), shape)
    sum_yx = irfft2(square_b * seen_a.conj() + seen_b * square_a.conj() - 2 * cross, shape)
    # All shifts of a relative to b; negative shifts are at the end of the array.
    dy, dx = np.arange(1 - height_a, height_b), np.arange(1 - width_a, width_b)
    at = np.ix_(dy, dx)
    count_yx, sum_yx = np.rint(count_yx[at]), sum_yx[at]
    rows, columns = b.top + dy - a.top, b.left + dx - a.left
    path_yx = np.hypot(rows[:, None], columns[None])
    enough = max(1.0, overlap * min(np.count_nonzero(p.mask_hw) for p in (a, b)))
    cost_yx = sum_yx / np.maximum(count_yx, 1) + _PATH_COST * path_yx
    cost_yx = np.where((count_yx >= enough) & (path_yx <= farthest), cost_yx, np.inf)
    y, x = np.unravel_index(int(cost_yx.argmin()), cost_yx.shape)
    return (int(rows[y]), int(columns[x])) if np.isfinite(cost_yx[y, x]) else None


def _planes(patch: Patch) -> np.ndarray:
    """Of the visible pixels: ones, squared length of the colour, and its channels in [-0.5, 0.5]; zero elsewhere."""
    seen_hw = (patch.mask_hw > 0).astype(np.float64)
    # Centred, since large equal sums would cost the difference its digits.
    colour_3hw = seen_hw * (np.moveaxis(patch.rgb_hw3, -1, 0) / 255 - 0.5)
    return np.stack([seen_hw, (colour_3hw**2).sum(axis=0), *colour_3hw])
