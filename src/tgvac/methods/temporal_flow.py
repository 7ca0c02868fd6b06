"""Trivial baseline: hidden pixels are copied from the nearest frames that show them, along optical flow.

As temporal copy, but the object may turn, grow and bend. Neighbouring frames are first moved by temporal copy's
displacement; what is left is measured as flow where both show the object, and carried on smoothly to where they do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from tgvac.clips.completion import Completion
from tgvac.clips.images import on_white, paint
from tgvac.masks.dense_flow import DenseFlow, agreement, consistency, fetch
from tgvac.masks.opencv import one_thread
from tgvac.masks.params import DenseFlowParams, MasksParams
from tgvac.methods.contract import Complete, Setup, from_input
from tgvac.methods.params import TrivialParams
from tgvac.methods.registration import cut
from tgvac.methods.temporal_copy import nearest_first, positions

_LEAST = np.float32(1e-6)
"""Added to a sum of weights that may be zero."""
_HALF = 128
_COLOUR, _TRUSTED = 25.0, 0.5
"""Grey levels between colours that a flow connects, as of ``masks.flow``; and the trust from which a flow counts."""


@dataclass(frozen=True)
class TemporalFlow:
    """Completes by the visible pixels of other frames, moved along flow."""

    params: TrivialParams
    dense: DenseFlowParams

    def complete(self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, text: str, seed: int) -> Completion:
        """Amodal masks are the union of all moved visible parts; visible pixels are the input's own."""
        with one_thread():
            steps = Steps(frames_FHW3, visible_FHW, self.params, self.dense)
            rgb_FHW3, mask_FHW = on_white(frames_FHW3, visible_FHW), visible_FHW.copy()
            for target in range(len(frames_FHW3)):
                flows = dict(steps.to_others(target, self.params.reach))
                for source in nearest_first(target, self.params.reach, len(frames_FHW3)):
                    moved_HW = fetch(visible_FHW[source], flows[source])
                    new_HW = np.where((moved_HW >= _HALF) & (mask_FHW[target] == 0), 255, 0).astype(np.uint8)
                    if new_HW.any():
                        paint(rgb_FHW3[target], fetch(frames_FHW3[source], flows[source]), new_HW)
                        mask_FHW[target] |= new_HW
        return Completion(rgb_FHW3, mask_FHW)


class Steps:
    """The object's flow between neighbouring frames, each computed once, and chains of them."""

    def __init__(
        self, frames_FHW3: np.ndarray, visible_FHW: np.ndarray, params: TrivialParams, dense: DenseFlowParams
    ) -> None:
        height, width = visible_FHW.shape[1:]
        patches = [cut(frame, mask) for frame, mask in zip(frames_FHW3, visible_FHW, strict=True)]
        self._at_F2 = positions(patches, params.overlap, params.speed * max(height, width))
        self._frames_FHW3, self._visible_FHW, self._params = frames_FHW3, visible_FHW, params
        self._flow = DenseFlow(dense)
        # Each is needed by all frames within reach, and by no later one.
        self.step = lru_cache(maxsize=4 * params.reach + 4)(self._step)

    def to_others(self, target: int, reach: int) -> Iterator[tuple[int, np.ndarray]]:
        """The other frames within reach, and the flow to each, ``float32 [H,W,2]`` in pixels of the target."""
        for way in (-1, 1):
            flow_HW2 = np.zeros((*self._visible_FHW.shape[1:], 2), np.float32)
            for distance in range(1, reach + 1):
                here, there = target + way * (distance - 1), target + way * distance
                if not 0 <= there < len(self._visible_FHW):
                    break
                flow_HW2 = flow_HW2 + fetch(self.step(here, there), flow_HW2, cv2.BORDER_REPLICATE)
                yield there, flow_HW2

    def _step(self, here: int, there: int) -> np.ndarray:
        """The flow of the whole object from a frame to its neighbour, ``float32 [H,W,2]``."""
        down, right = (self._at_F2[there] - self._at_F2[here]).tolist()
        base_2 = np.array([right, down], np.float32)
        still_HW2 = np.broadcast_to(base_2, (*self._visible_FHW.shape[1:], 2)).copy()
        if not (self._visible_FHW[here].any() and self._visible_FHW[there].any()):
            return still_HW2
        # What is left to measure once the displacement is taken off, between the two views of the object alone: without
        # this, the still background decides where an object of one colour seems to move.
        moved_HW3 = fetch(self._frames_FHW3[there], still_HW2, cv2.BORDER_REPLICATE)
        seen_HW = fetch(self._visible_FHW[there], still_HW2) >= _HALF
        both_HW = (self._visible_FHW[here] > 0) & seen_HW
        views = [_alone(image_HW3, both_HW) for image_HW3 in (self._frames_FHW3[here], moved_HW3)]
        flow_HW2, back_HW2 = self._flow.between(*views), self._flow.between(*views[::-1])
        trust_HW = consistency(flow_HW2, back_HW2, self._params.consistency * max(both_HW.shape))
        trust_HW = trust_HW * agreement(self._frames_FHW3[here], moved_HW3, flow_HW2, _COLOUR)
        # Only where both ends of the flow are on the object is it the object's own.
        trusted_HW = both_HW & (fetch(np.where(both_HW, 255, 0).astype(np.uint8), flow_HW2) >= _HALF)
        trusted_HW &= trust_HW >= _TRUSTED
        # A few pixels agree by chance, also where the flow as a whole is wrong.
        if trusted_HW.sum() < self._params.overlap * max(1, both_HW.sum()):
            return still_HW2
        return spread(flow_HW2, trusted_HW.astype(np.float32)) + base_2


def _alone(image_HW3: np.ndarray, seen_HW: np.ndarray) -> np.ndarray:
    """The grey picture of what is seen, on grey, ``uint8 [H,W]``."""
    return np.where(seen_HW, cv2.cvtColor(image_HW3, cv2.COLOR_RGB2GRAY), _HALF).astype(np.uint8)


def spread(value_HW2: np.ndarray, weight_HW: np.ndarray) -> np.ndarray:
    """A smooth field from values with weights, ``float32 [H,W,2]``: coarse means fill what finer ones leave open.

    Where weights are 1 the values stay; far from all weights they fall to their mean, without any to 0.
    """
    height, width = weight_HW.shape
    weight_HW1 = weight_HW[..., None]
    if min(height, width) <= 2:
        total = float(weight_HW.sum())
        mean_2 = (value_HW2 * weight_HW1).sum(axis=(0, 1)) / (total + _LEAST)
        coarse_HW2 = np.broadcast_to(mean_2, value_HW2.shape)
    else:
        half_hw1 = cv2.pyrDown(weight_HW)[..., None]
        half_hw2 = cv2.pyrDown(value_HW2 * weight_HW1) / np.maximum(half_hw1, np.float32(1e-12))
        # A coarse pixel with a little weight is known, as it stands for all of its surroundings.
        smaller_hw2 = spread(half_hw2, np.minimum(4 * half_hw1[..., 0], 1).astype(np.float32))
        coarse_HW2 = cv2.pyrUp(smaller_hw2, dstsize=(width, height))
    return np.asarray(weight_HW1 * value_HW2 + (1 - weight_HW1) * coarse_HW2, np.float32)


def load(setup: Setup, *, trivial: TrivialParams, masks: MasksParams) -> Complete:
    """The method; it has no networks."""
    return from_input(TemporalFlow(trivial, masks.dense_flow))
