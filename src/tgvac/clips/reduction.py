"""Cutting a window and averaging it down by less than a factor of two, in one go.

Pillow's box filter takes whole pixels: going down by a factor below two, each new pixel is one old pixel or the mean of
two, first along rows, then along columns, rounded half up each time. What is done here is the same to the bit, but
nothing beyond the frame's edge is computed, and pixels are picked, not weighed: a fifth of the time. Framing does this
three times for every frame that is trained on.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

# R rows of the frame that lie in the window, W its columns, S the new side, K and L new rows and columns that show
# anything of the frame; n old pixels along a side, k new ones.

_NO = np.uint8(0)
_NOT_LAST = np.uint32(0xFEFEFEFE)


def reduces(side: int, size: int) -> bool:
    """Whether a window of this side becomes a square of this size by means of two pixels at most."""
    return size < side <= 2 * size


def reduced_rgb(image_HW3: np.ndarray, top: int, left: int, side: int, size: int, fill: int) -> np.ndarray:
    """A window of a frame ``uint8 [H,W,3]``, averaged down to ``uint8 [size,size,3]``.

    Args:
        top, left, side: of the window, in the frame's pixels; it may reach beyond the frame.
        fill: the value beyond the frame.
    """
    out_SS3 = np.full((size, size, 3), fill, np.uint8)
    (rows, columns), begin, end = _seen(image_HW3, top, left, side, size)
    if not rows.number or not columns.number:
        return out_SS3
    # With a fourth channel a pixel is one number of 32 bits, which is picked many times faster than three of 8.
    rgba_RW4 = cv2.cvtColor(np.ascontiguousarray(image_HW3[begin:end]), cv2.COLOR_RGB2RGBA)
    beyond = np.array([fill, fill, fill, 255], np.uint8).view(np.uint32)[0]
    pixels_WR = cv2.transpose(rgba_RW4).view(np.uint32)[..., 0]
    pixels_LR = _mean(*_picked(pixels_WR, columns, beyond))
    pixels_RL = cv2.transpose(_channels(pixels_LR)).view(np.uint32)[..., 0]
    pixels_KL = _mean(*_picked(pixels_RL, rows, beyond))
    cv2.cvtColor(_channels(pixels_KL), cv2.COLOR_RGBA2RGB, dst=out_SS3[rows.seen, columns.seen])
    return out_SS3


def reduced_mask(mask_HW: np.ndarray, top: int, left: int, side: int, size: int) -> np.ndarray:
    """A window of a mask ``uint8 [H,W]`` in {0, 255}, likewise; a pixel belongs to it if half of its area does.

    Of the four pixels that a new one is made of, of which several may be the same one, two must belong to it.
    """
    out_SS = np.zeros((size, size), np.uint8)
    (rows, columns), begin, end = _seen(mask_HW, top, left, side, size)
    if not rows.number or not columns.number:
        return out_SS
    first_LR, last_LR = _picked(cv2.transpose(mask_HW[begin:end] & 1), columns, _NO)
    first_LR += last_LR
    first_KL, last_KL = _picked(cv2.transpose(first_LR), rows, _NO)
    first_KL += last_KL
    cv2.threshold(first_KL, 1, 255, cv2.THRESH_BINARY, dst=out_SS[rows.seen, columns.seen])
    return out_SS


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


class _Places(NamedTuple):
    """What of a frame's ``extent`` is needed along a side of the new picture.

    Attributes:
        seen: the new pixels that show anything of the frame, ``number`` of them.
        taps: where in the frame the first and the last pixel of each of those lie.
        beyond: for either, which of those lie beyond the frame; their places are of any pixel.
    """

    seen: slice
    number: int
    taps: tuple[np.ndarray, np.ndarray]
    beyond: tuple[np.ndarray, np.ndarray]


@lru_cache(maxsize=1024)
def _places(side: int, size: int, offset: int, extent: int) -> _Places:
    """``offset`` is where in the frame the window begins."""
    first_S, last_S = (at_S + offset for at_S in taps(side, size))
    begin, end = int(np.searchsorted(last_S, 0)), int(np.searchsorted(first_S, extent))
    seen = slice(begin, max(begin, end))
    at = first_S[seen], last_S[seen]
    inside = tuple(np.clip(at_K, 0, extent - 1) for at_K in at)
    beyond = tuple(np.flatnonzero(in_K != at_K) for in_K, at_K in zip(inside, at, strict=True))
    return _Places(seen, seen.stop - seen.start, (inside[0], inside[1]), (beyond[0], beyond[1]))


def _seen(image: np.ndarray, top: int, left: int, side: int, size: int) -> tuple[tuple[_Places, _Places], int, int]:
    """Places down and across, and the rows of the frame from the first to before the last that the window holds."""
    height, width = image.shape[:2]
    begin = min(max(top, 0), height)
    end = max(min(top + side, height), begin)
    return (_places(side, size, top - begin, end - begin), _places(side, size, left, width)), begin, end


def _picked(pixels_NM: np.ndarray, places: _Places, beyond: np.integer) -> list[np.ndarray]:
    """Rows by number, first and last of each mean ``[K,M]``; where there is none, ``beyond``.

    Whole rows are copied as they lie: columns are picked as rows of the transposed picture.
    """
    picked = []
    for inside_K, outside in zip(places.taps, places.beyond, strict=True):
        picked_KM = pixels_NM.take(inside_K, axis=0)
        if len(outside):
            picked_KM[outside] = beyond
        picked.append(picked_KM)
    return picked


def _channels(pixels_NM: np.ndarray) -> np.ndarray:
    """Pixels of 32 bits as four channels, ``uint8 [N,M,4]``."""
    return pixels_NM.view(np.uint8).reshape(*pixels_NM.shape, 4)


def _mean(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The mean of each byte of pixels of 32 bits, rounded half up; writes over what it is given."""
    # A byte's last bit would be shifted into the next one.
    half = one ^ other
    half &= _NOT_LAST
    half >>= 1
    one |= other
    one -= half
    return one
