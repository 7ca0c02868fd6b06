"""Masks from boxes by GrabCut, frame by frame. It runs on a laptop, where the paper uses SAM (section 3.2, LaSOT).

A pixel in the box is probably the object, a pixel in the margin around it probably is not, and all others certainly are
not. Three things are passed from frame to frame: the mask, moved and scaled with the box; the colours of the object;
and the colours outside of the box.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from tgvac.clips.box import Box
from tgvac.clips.track import Track
from tgvac.masks.boxes import given_box
from tgvac.masks.colours import ColourMemory
from tgvac.masks.opencv import cut, disc
from tgvac.masks.params import GrabCutParams
from tgvac.masks.segmenter import RawMask, Rectangle
from tgvac.masks.verdicts import ABSENT, LOST, MADE


def grown(box: Box, by: float, height: int, width: int) -> Rectangle:
    """The pixels of the frame that a box touches after it is grown by ``by`` pixels on each side."""
    return Rectangle(
        top=max(0, math.floor(box.y - by)),
        left=max(0, math.floor(box.x - by)),
        bottom=min(height, math.ceil(box.y + box.h + by)),
        right=min(width, math.ceil(box.x + box.w + by)),
    )


def follow(mask_HW: np.ndarray, before: Box, now: Box) -> np.ndarray:
    """A mask moved and scaled like its box, ``uint8 [H,W]`` in {0, 255}."""
    across, down = now.w / before.w, now.h / before.h
    # Pixel i covers [i, i + 1), but OpenCV has its centre at i.
    matrix = np.array(
        [
            [across, 0.0, now.x - across * before.x + 0.5 * across - 0.5],
            [0.0, down, now.y - down * before.y + 0.5 * down - 0.5],
        ]
    )
    moved_HW = cv2.warpAffine(mask_HW, matrix, mask_HW.shape[::-1], flags=cv2.INTER_LINEAR)
    return np.where(moved_HW >= 128, 255, 0).astype(np.uint8)


class GrabCut:
    """Segments a track with boxes and without masks."""

    name = "grabcut"

    def __init__(self, params: GrabCutParams) -> None:
        self._params = params

    def segment(self, track: Track, others: Sequence[Track]) -> Iterator[RawMask]:
        """Yields an empty mask only if the object is absent.

        If no mask is found in a box, the whole box is the mask, with the verdict ``lost``.
        """
        height, width = track.meta.height, track.meta.width
        memory = ColourMemory(self._params.memory)
        before: tuple[np.ndarray, Box] | None = None
        for i in range(track.meta.frames):
            box = given_box(track, i)
            if box is None:
                yield RawMask(np.zeros((height, width), np.uint8), ABSENT)
                before = None
                continue
            limit = grown(box, self._margin(box), height, width)
            frame_HW3 = np.ascontiguousarray(track.frame(i))
            found_HW = self._cut(frame_HW3, box, limit, before, memory, track.meta.track, i)
            if not found_HW.any():
                found_HW[grown(box, 0.0, height, width).slices] = True
                before = None
                yield RawMask(found_HW.astype(np.uint8) * 255, LOST, box=box, limit=limit)
                continue
            mask_HW = found_HW.astype(np.uint8) * 255
            if self._fits(mask_HW, box, self._params.memory.min_box_iou):
                rest_HW = np.ones((height, width), bool)
                rest_HW[limit.slices] = False
                memory.learn(frame_HW3, found_HW, rest_HW)
            before = (mask_HW, box) if self._fits(mask_HW, box, self._params.warm_box_iou) else None
            yield RawMask(mask_HW, MADE, box=box, limit=limit, outlined=True)

    def _margin(self, box: Box) -> float:
        # At least one pixel, because boxes are rarely more exact.
        return max(1.0, self._params.margin * max(box.w, box.h))

    @staticmethod
    def _fits(mask_HW: np.ndarray, box: Box, min_iou: float) -> bool:
        own = Box.of_mask(mask_HW)
        return own is not None and own.iou(box) >= min_iou

    def _cut(
        self,
        frame_HW3: np.ndarray,
        box: Box,
        limit: Rectangle,
        before: tuple[np.ndarray, Box] | None,
        memory: ColourMemory,
        track: str,
        i: int,
    ) -> np.ndarray:
        """The object in one frame, ``bool [H,W]``; all False if it cannot be found."""
        params, shape, longer = self._params, frame_HW3.shape[:2], max(box.w, box.h)
        found_HW = np.zeros(shape, bool)
        if min(box.w, box.h) < params.min_side:
            return found_HW
        labels_HW = np.full(shape, cv2.GC_BGD, np.uint8)
        labels_HW[limit.slices] = cv2.GC_PR_BGD
        inside = grown(box, 0.0, *shape).slices
        labels_HW[inside] = cv2.GC_PR_FGD
        if before is not None:
            near_HW = cv2.dilate(follow(*before, box), disc(params.trust * longer))
            labels_HW[(labels_HW == cv2.GC_PR_FGD) & (near_HW == 0)] = cv2.GC_PR_BGD
        foreign_HW = memory.foreign(frame_HW3, params.memory.blur * longer)
        labels_HW[(labels_HW == cv2.GC_PR_FGD) & foreign_HW] = cv2.GC_PR_BGD
        if not (labels_HW == cv2.GC_PR_FGD).any():
            labels_HW[inside] = cv2.GC_PR_FGD
        around = grown(box, max(self._margin(box), params.context * longer), *shape).slices
        if (labels_HW[around] & 1).all():
            return found_HW  # the box fills the frame, so there is no background to learn from
        iterations = params.cold_iterations if before is None else params.iterations
        found_HW[around] = cut(frame_HW3[around], labels_HW[around], iterations, "grabcut", track, i)
        return found_HW
