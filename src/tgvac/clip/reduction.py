"""Cutting a window and averaging it down by less than a factor of two, in one go.

Pillow's box filter takes whole pixels: going down by a factor below two, each new pixel is one old pixel or the mean of
two, first along rows, then along columns, rounded half up each time. What is done here is the same to the bit, but
nothing beyond the frame's edge is computed, and pixels are picked, not weighed: a fifth of the time. Framing does this
three times for every frame that is trained on.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from PIL import Image

# R rows of the frame that lie in the window, W its columns, S the new side, K new rows that show anything of the frame;
# n old pixels along a side, k new ones.

_NO = np.uint8(0)


def reduces(side: int, size: int) -> bool:
    """Whether a window of this side becomes a square of this size by means of two pixels at most."""
    return size < side <= 2 * size


def reduced_rgb(image_HW3: np.ndarray, top: int, left: int, side: int, size: int, fill: int) -> np.ndarray:
    """A window of a frame ``uint8 [H,W,3]``, averaged down to ``uint8 [size,size,3]``.

    Args:
        top, left, side: of the window, in the frame's pixels; it may reach beyond the frame.
        fill: the value beyond the frame.
    """
    begin, end = _span(len(image_HW3), top, side)
    if begin == end:
        return np.full((size, size, 3), fill, np.uint8)
    # With a fourth channel a pixel is one number of 32 bits, which numpy picks out many times faster than three of 8.
    rgba_RW4 = cv2.cvtColor(np.ascontiguousarray(image_HW3[begin:end]), cv2.COLOR_RGB2RGBA)
    beyond = np.array([fill, fill, fill, 255], np.uint8).view(np.uint32)[0]
    pixels_RW = rgba_RW4.view(np.uint32)[..., 0]
    pixels_SR = _mean(*(_picked(pixels_RW, place, beyond) for place in _places(side, size, left, pixels_RW.shape[1])))
    seen, rows = _places_seen(side, size, top - begin, end - begin)
    pixels_KS = _mean(*(_picked(pixels_SR, place, beyond) for place in rows))
    out_SS3 = np.full((size, size, 3), fill, np.uint8)
    cv2.cvtColor(pixels_KS.view(np.uint8).reshape(-1, size, 4), cv2.COLOR_RGBA2RGB, dst=out_SS3[seen])
    return out_SS3


def reduced_mask(mask_HW: np.ndarray, top: int, left: int, side: int, size: int) -> np.ndarray:
    """A window of a mask ``uint8 [H,W]`` in {0, 255}, likewise; a pixel belongs to it if half of its area does.

    Of the four pixels that a new one is made of, of which several may be the same one, two must belong to it.
    """
    begin, end = _span(len(mask_HW), top, side)
    if begin == end:
        return np.zeros((size, size), np.uint8)
    ones_RW = mask_HW[begin:end] & 1
    first_SR, last_SR = (_picked(ones_RW, place, _NO) for place in _places(side, size, left, ones_RW.shape[1]))
    first_SR += last_SR
    seen, rows = _places_seen(side, size, top - begin, end - begin)
    first_KS, last_KS = (_picked(first_SR, place, _NO) for place in rows)
    first_KS += last_KS
    out_SS = np.zeros((size, size), np.uint8)
    out_SS[seen] = np.where(first_KS >= 2, np.uint8(255), _NO)
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


def _mean(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The mean of each byte of pixels of 32 bits, rounded half up; writes over what it is given."""
    a, b = one.view(np.uint8), other.view(np.uint8)
    half = a ^ b
    half >>= 1
    a |= b
    a -= half
    return one


def _span(height: int, top: int, side: int) -> tuple[int, int]:
    """The rows of a frame that lie in a window."""
    begin = min(max(top, 0), height)
    return begin, max(min(top + side, height), begin)


@lru_cache(maxsize=256)
def _places(side: int, size: int, offset: int, extent: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Where in a frame's ``extent`` the first and the last pixel of each new one lie, and which of those lie beyond it.

    The numbers of the latter are of any pixel; ``offset`` is where in the frame the window begins.
    """
    at = [at_S + offset for at_S in taps(side, size)]
    inside = [np.clip(at_S, 0, extent - 1) for at_S in at]
    return tuple((one_S, np.flatnonzero(one_S != at_S)) for one_S, at_S in zip(inside, at, strict=True))


@lru_cache(maxsize=256)
def _places_seen(
    side: int, size: int, offset: int, extent: int
) -> tuple[slice, tuple[tuple[np.ndarray, np.ndarray], ...]]:
    """The new rows that show anything of the frame, and for those alone what :func:`_places` says."""
    first_S, last_S = (at_S + offset for at_S in taps(side, size))
    shown = np.flatnonzero((last_S >= 0) & (first_S < extent))
    seen = slice(int(shown[0]), int(shown[-1]) + 1)
    cut = []
    for inside_S, outside in _places(side, size, offset, extent):
        mine = outside[(outside >= seen.start) & (outside < seen.stop)] - seen.start
        cut.append((inside_S[seen], mine))
    return seen, tuple(cut)


def _picked(pixels_NM: np.ndarray, place: tuple[np.ndarray, np.ndarray], beyond: np.integer) -> np.ndarray:
    """Columns by number, each as a row ``[S,N]``; where there is none, ``beyond``.

    They lie like this in memory once numpy has picked them; picking twice turns a picture back.
    """
    inside_S, outside = place
    picked_SN = np.ascontiguousarray(pixels_NM[:, inside_S].T)
    if len(outside):
        picked_SN[outside] = beyond
    return picked_SN
