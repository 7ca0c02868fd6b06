"""Annotations of a frame: visible masks, object ids, palette images and boxes."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image as Pillow

from tgvac.world.render import Image, Mask

VOID = 255
"""The annotation value of pixels between two touching objects, which belong to neither (DAVIS)."""


def visible(masks: Sequence[Mask], order: Sequence[int], covered_HW: Mask) -> list[Mask]:
    """The visible part of each object, bool (H, W).

    Args:
        masks: amodal masks (H, W), object 1 first.
        order: indices of the masks, back to front.
        covered_HW: pixels covered by something in front of all objects that is not an object itself.
    """
    out = []
    for index, mask_HW in enumerate(masks):
        seen_HW = mask_HW & ~covered_HW
        for front in order[order.index(index) + 1 :]:
            seen_HW &= ~masks[front]
        out.append(seen_HW)
    return out


def identities(seen: Sequence[Mask]) -> Image:
    """The annotation of a frame, uint8 (H, W): 0 background, k + 1 where visible part k is."""
    ids_HW = np.zeros(seen[0].shape, np.uint8)
    for index, seen_HW in enumerate(seen):
        ids_HW[seen_HW] = index + 1
    return ids_HW


def with_void(ids_HW: Image, masks: Sequence[Mask], order: Sequence[int]) -> Image:
    """The annotation in DAVIS style: where objects touch, a line of pixels of the one behind, one wide, is void."""
    out_HW = ids_HW.copy()
    for depth, index in enumerate(order):
        front_HW = masks[index]
        rim_HW = cv2.dilate(front_HW.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_) & ~front_HW
        behind_HW = np.isin(ids_HW, [other + 1 for other in order[:depth]])
        out_HW[rim_HW & behind_HW] = VOID
    return out_HW


def box(seen_HW: Mask) -> tuple[int, int, int, int]:
    """The bounding box of a non-empty mask: left, top, width, height in pixels."""
    y_N, x_N = np.nonzero(seen_HW)
    left, top = int(x_N.min()), int(y_N.min())
    return left, top, int(x_N.max()) + 1 - left, int(y_N.max()) + 1 - top


def palette_png(ids_HW: Image) -> bytes:
    """An annotation as a palette PNG: the pixel value is the object's id."""
    picture = Pillow.fromarray(ids_HW)
    picture.putpalette(davis_palette())
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


@functools.cache
def davis_palette() -> bytes:
    """The palette of DAVIS annotations, 256 RGB colours: 22 strong ones as in PASCAL VOC, then greys."""
    palette = bytearray()
    for index in range(256):
        rest, rgb = index, [0, 0, 0]
        for bit in range(7, -1, -1):
            for channel in range(3):
                rgb[channel] |= ((rest >> channel) & 1) << bit
            rest >>= 3
        # DAVIS writes 191 where PASCAL VOC has 192.
        palette += bytes(min(value, 191) for value in rgb) if index < 22 else bytes([index] * 3)
    return bytes(palette)
