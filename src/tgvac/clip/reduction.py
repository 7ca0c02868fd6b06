"""Cutting a window and averaging it down by less than a factor of two, in one go.

Pillow's box filter takes whole pixels: going down by a factor below two, each new pixel is one old pixel or the mean of
two, first along rows, then along columns, rounded half up each time. What is done here is the same to the bit, but
nothing beyond the frame's edge is ever computed, and no pixel is converted: a third of the time. Framing does this three
times for every frame that is trained on.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from PIL import Image

# n old pixels along a side, k new ones; R rows of the frame that lie in the window.


def reduces(side: int, size: int) -> bool:
    """Whether a window of this side becomes a square of this size by means of two pixels at most."""
    return size < side <= 2 * size


def reduced_rgb(image_HW3: np.ndarray, top: int, left: int, side: int, size: int, fill: int) -> np.ndarray:
    """A window of a frame ``uint8 [H,W,3]``, averaged down to ``uint8 [size,size,3]``.

    Args:
        top, left, side: of the window, in the frame's pixels; it may reach beyond the frame.
        fill: the value beyond the frame.
    """
    one_RS3, other_RS3 = _columns(image_HW3, top, left, side, size, (fill,) * 3)
    rows_RS3 = _mean(one_RS3, other_RS3)
    first_k, second_k = _rows(len(image_HW3), top, side, size)
    return _mean(rows_RS3[first_k], rows_RS3[second_k])


def reduced_mask(mask_HW: np.ndarray, top: int, left: int, side: int, size: int) -> np.ndarray:
    """A window of a mask ``uint8 [H,W]`` in {0, 255}, likewise; a pixel belongs to it if half of its area does.

    Of the four pixels that a new one is made of, of which several may be the same one, two must belong to it.
    """
    one_RS, other_RS = _columns(mask_HW, top, left, side, size, (0,))
    count_RS = (one_RS & 1) + (other_RS & 1)
    first_k, second_k = _rows(len(mask_HW), top, side, size)
    return np.where(count_RS[first_k] + count_RS[second_k] >= 2, np.uint8(255), np.uint8(0))


def _mean(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The mean, rounded half up, in eight bits; writes over what it is given."""
    half = one ^ other
    half >>= 1
    one |= other
    one -= half
    return one


@lru_cache(maxsize=64)
def taps(n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last of the old pixels that each new one is the mean of, ``int64 [k]``; Pillow itself is asked.

    >>> [each.tolist() for each in taps(5, 3)]
    [[0, 2, 3], [1, 2, 4]]
    """
    if not n <= 2 * k:
        raise ValueError(f"{n} pixels become {k} by means of more than two")
    # The mean of two neighbouring positions lies half way between them.
    positions = Image.fromarray(np.arange(n, dtype=np.float32)[None])
    at_k = np.asarray(positions.resize((k, 1), Image.Resampling.BOX))[0]
    return np.floor(at_k).astype(np.int64), np.ceil(at_k).astype(np.int64)


def _span(height: int, top: int, side: int) -> tuple[int, int]:
    """The rows of a frame that lie in a window."""
    begin = max(top, 0)
    return begin, max(min(top + side, height), begin)


def _columns(
    image: np.ndarray, top: int, left: int, side: int, size: int, fill: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Both pixels that each new column takes, for the rows in the window, then for one row that lies beyond the frame."""
    image = np.ascontiguousarray(image)
    maps = _column_maps(*_span(len(image), top, side), left, side, size)
    one, other = (
        cv2.remap(image, at, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=fill) for at in maps
    )
    return one, other


@lru_cache(maxsize=64)
def _column_maps(begin: int, end: int, left: int, side: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    rows_R = np.append(np.arange(begin, end), -1)
    first, second = (
        np.stack(np.broadcast_arrays(at_k[None] + left, rows_R[:, None]), axis=2).astype(np.int16)
        for at_k in taps(side, size)
    )
    return first, second


@lru_cache(maxsize=64)
def _rows(height: int, top: int, side: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Both rows, counted in the window's own, that each new row takes; the last one lies beyond the frame."""
    begin, end = _span(height, top, side)
    first, second = (
        np.where((at_k + top >= begin) & (at_k + top < end), at_k + top - begin, end - begin) for at_k in taps(side, size)
    )
    return first, second
