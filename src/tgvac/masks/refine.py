"""Refinement of generated masks (section 3.2 of the paper says "refined", but not how).

First, neighbouring frames vote along optical flow, so that masks do not flicker. Then a narrow band along the outline
is decided again by the frame's colours, unless the segmenter used them already. Specks are removed and small holes are
filled. Finally, gates give the verdict. Annotated frames vote, but are not changed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from tgvac.clips.box import Box
from tgvac.clips.geometry import FrameGeometry, measure
from tgvac.clips.track import Track
from tgvac.masks.cleaning import without_holes, without_specks
from tgvac.masks.colours import object_chance
from tgvac.masks.dense_flow import DenseFlow, agreement, fetch
from tgvac.masks.frames import Frames
from tgvac.masks.gates import judge
from tgvac.masks.grabcut import grown
from tgvac.masks.opencv import disc
from tgvac.masks.params import DenseFlowParams, GateParams, RefineParams
from tgvac.masks.segmenter import RawMask
from tgvac.masks.verdicts import EMPTY, GIVEN, MADE

_VOTERS = frozenset({GIVEN, EMPTY, MADE})


@dataclass(frozen=True)
class FrameMask:
    """The mask of one frame, ``uint8 [H,W]``, its measurement at the best available resolution, and its verdict.

    Attributes:
        raw_HW: the segmenter's mask before refinement.
    """

    mask_HW: np.ndarray
    geometry: FrameGeometry
    verdict: str
    raw_HW: np.ndarray


class Refinement:
    """Refines a stream of raw masks with a window of frames in memory."""

    def __init__(self, params: RefineParams, gates: GateParams, dense: DenseFlowParams) -> None:
        self._params, self._gates, self._dense = params, gates, DenseFlow(dense)

    def refine(self, track: Track, raws: Iterator[RawMask]) -> Iterator[FrameMask]:
        """Yields one :class:`FrameMask` per frame, in order."""
        frames = Frames(track, keep=2 * self._params.radius + 1)
        area_before = 0
        for i, window in _windows(raws, self._params.radius):
            raw = window[i]
            mask_HW, verdict = raw.mask_HW, raw.verdict
            if verdict == MADE:
                mask_HW = self._refined(frames, window, i)
                box = raw.box.clipped(track.meta.height, track.meta.width) if raw.box else None
                verdict = judge(self._gates, mask_HW, box, area_before)
            area_before = int(np.count_nonzero(mask_HW)) if verdict in _VOTERS else 0
            yield FrameMask(mask_HW, raw.geometry or _measured(mask_HW, raw), verdict, raw.mask_HW)

    def _refined(self, frames: Frames, window: dict[int, RawMask], i: int) -> np.ndarray:
        raw = window[i]
        support_HW = self._vote(frames, window, i)
        if raw.outlined:
            mask_HW = np.where(support_HW >= 0.5, 255, 0).astype(np.uint8)
        else:
            mask_HW = self._recoloured(frames.rgb(i), support_HW, raw.others_HW)
        mask_HW = without_holes(without_specks(mask_HW, self._params.min_part), self._params.max_hole)
        if raw.limit is not None:
            inside_HW = np.zeros_like(mask_HW)
            inside_HW[raw.limit.slices] = mask_HW[raw.limit.slices]
            mask_HW = inside_HW
        # Refinement may change a mask, but must not remove it.
        return mask_HW if mask_HW.any() else raw.mask_HW

    def _vote(self, frames: Frames, window: dict[int, RawMask], i: int) -> np.ndarray:
        """Probability of the object after the neighbours' votes, ``float32 [H,W]`` in [0, 1]; votes weigh at most 1."""
        sum_HW = window[i].support_HW.astype(np.float32) / np.float32(255)
        total_HW = np.ones_like(sum_HW)
        for j, raw in window.items():
            if j == i or raw.verdict not in _VOTERS:
                continue
            flow_HW2 = self._dense.between(frames.grey(i), frames.grey(j))
            weight_HW = agreement(frames.rgb(i), frames.rgb(j), flow_HW2, self._params.colour)
            sum_HW += weight_HW * (fetch(raw.support_HW, flow_HW2) / np.float32(255))
            total_HW += weight_HW
        return np.asarray(sum_HW / total_HW)

    def _recoloured(self, frame_HW3: np.ndarray, support_HW: np.ndarray, others_HW: np.ndarray | None) -> np.ndarray:
        """The mask ``uint8 [H,W]``, with a band along its outline decided again by probability and colour.

        This is not a graph cut, because a cut with a short outline would remove antennae, masts and legs.
        """
        hard_HW = np.where(support_HW >= 0.5, 255, 0).astype(np.uint8)
        box = Box.of_mask(hard_HW)
        if box is None or self._params.band == 0:
            return hard_HW
        longer = max(box.w, box.h)
        around = grown(box, self._params.context * longer, *hard_HW.shape).slices
        inner_hw, belief_hw, kernel = hard_HW[around], support_HW[around], disc(self._params.band * longer)
        # OpenCV's default border does not erode from the outside of the frame, where nothing is known.
        band_hw = cv2.dilate(inner_hw, kernel) > cv2.erode(inner_hw, kernel)
        object_hw = object_chance(frame_HW3[around], belief_hw, self._params.bins, self._params.floor)
        doubt = np.float32(self._params.doubt)
        belief_hw = np.clip(belief_hw, doubt, 1 - doubt)
        decided_hw = belief_hw * object_hw >= (1 - belief_hw) * (1 - object_hw)
        if others_HW is not None:
            decided_hw &= others_HW[around] == 0
        hard_HW[around] = np.where(band_hw, np.where(decided_hw, 255, 0), inner_hw)
        return hard_HW


def _measured(mask_HW: np.ndarray, raw: RawMask) -> FrameGeometry:
    """Measure the mask at working resolution, because there is no finer mask."""
    others_HW = np.zeros_like(mask_HW) if raw.others_HW is None else np.where(mask_HW > 0, 0, raw.others_HW)
    return measure(mask_HW, others_HW)


def _windows(raws: Iterator[RawMask], radius: int) -> Iterator[tuple[int, dict[int, RawMask]]]:
    """Each position with the raw masks up to ``radius`` away, by position; only these are in memory."""
    held: deque[tuple[int, RawMask]] = deque()
    done = 0
    for j, raw in enumerate(raws):
        held.append((j, raw))
        if j >= radius:
            yield done, dict(held)
            done += 1
            if held[0][0] < done - radius:
                held.popleft()
    while held and done <= held[-1][0]:
        yield done, {j: raw for j, raw in held if j >= done - radius}
        done += 1
