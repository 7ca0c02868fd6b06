"""Follows an object from its mask or box in the first frame to the end of the video, without weights.

Each frame's belief comes along dense optical flow from a few frames before it, which have decided masks by then. Flow
alone drifts: its errors add up, most of all where a plain object moves over texture. So each pixel in a band around the
belief is decided by both: the belief, and the colours of the object and of the rest in the first frame, which do not
drift.

The object counts as lost when flow no longer agrees with itself or with the colours on it, when its colours are no
longer those of the first frame, or when its size changes at once. What follows a lost frame is unknown, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.special import logit

from tgvac.clips.box import Box
from tgvac.clips.track import Track
from tgvac.masks.beliefs import quantised
from tgvac.masks.boxes import given_box
from tgvac.masks.colours import cells
from tgvac.masks.dense_flow import DenseFlow, agreement, consistency, fetch
from tgvac.masks.frames import Frames
from tgvac.masks.given import annotated
from tgvac.masks.grabcut import grown
from tgvac.masks.opencv import cut, disc
from tgvac.masks.params import DenseFlowParams, FollowParams
from tgvac.masks.segmenter import RawMask
from tgvac.masks.verdicts import LOST, MADE, UNKNOWN

_DOUBT = np.float32(1e-3)
"""Added to the weights, so that pixels without any agreement are decided too."""
_MIDDLE, _CUTS, _FILLS = 0.4, 3, 0.55
"""Of an object in a box: the share of the box's sides that is surely it, rounds of cutting, and the least IoU of what
was cut out with the ellipse in the box."""
_UNSURE = np.float32(0.05)
"""Neither flow nor a colour is surer than this, so that one cannot overrule the other alone."""
_SEEN = 2e-4
"""Added to the shares of colours: a colour that was never seen belongs to neither side."""
_BLUR = 0.7
"""Pixels over which neighbours' colours are averaged, since one pixel is unreliable."""


@dataclass(frozen=True)
class _Step:
    """What flow says about a frame.

    Attributes:
        belief_HW: probability of the object, ``float32 [H,W]`` in [0, 1].
        trust: how well flow agrees with itself and with the colours on the object, in [0, 1].
    """

    belief_HW: np.ndarray
    trust: float


class Follow:
    """Segments a track with a mask or a box in its first frame."""

    name = "follow"

    def __init__(self, params: FollowParams, dense: DenseFlowParams) -> None:
        self._params, self._dense = params, DenseFlow(dense)

    def segment(self, track: Track, others: Sequence[Track]) -> Iterator[RawMask]:
        """Yields the first frame's mask, then one mask a frame until the object is lost."""
        meta = track.meta
        frames = Frames(track, keep=max(self._params.back) + 1)
        empty_HW = np.zeros((meta.height, meta.width), np.uint8)
        first = self._first(track, frames)
        yield first
        if first.verdict == LOST:
            yield from (RawMask(empty_HW, UNKNOWN) for _ in range(1, meta.frames))
            return
        decided = {0: np.where(first.support_HW >= 128, 255, 0).astype(np.uint8)}
        chance_C, apart = self._chances(frames.rgb(0), decided[0])
        usual = self._likeness(frames.rgb(0), decided[0], chance_C)
        lost = not decided[0].any()
        for i in range(1, meta.frames):
            if lost:
                yield RawMask(empty_HW, UNKNOWN)
                continue
            before = [i - back for back in self._params.back if i - back in decided]
            step = self._step(frames, i, [(k, decided[k]) for k in before])
            mask_HW = self._outlined(frames.rgb(i), step.belief_HW, chance_C, apart)
            likeness = self._likeness(frames.rgb(i), mask_HW, chance_C) / usual
            lost = not self._is_it(step, mask_HW, decided[i - 1], likeness)
            if lost:
                yield RawMask(empty_HW, LOST)
                continue
            decided[i] = mask_HW
            decided.pop(i - max(self._params.back), None)
            # Beliefs on the mask's side of a half, so that refinement can still weigh them.
            sure_HW = np.where(mask_HW > 0, np.maximum(step.belief_HW, 0.51), np.minimum(step.belief_HW, 0.49))
            yield RawMask(quantised(sure_HW.astype(np.float32)), MADE, outlined=True)

    def _first(self, track: Track, frames: Frames) -> RawMask:
        """The mask of the first frame: given, or cut out of the given box."""
        if track.has_mask(0):
            return annotated(track, 0)
        box = given_box(track, 0)
        assert box is not None
        mask_HW = self._in_box(frames.rgb(0), box, track.meta.track)
        return RawMask(mask_HW, MADE if mask_HW.any() else LOST, box=box, outlined=True)

    def _in_box(self, frame_HW3: np.ndarray, box: Box, track: str) -> np.ndarray:
        """The object in a box, ``uint8 [H,W]`` in {0, 255}: cut out by colour around what is surely it, the middle.

        If that is little like the ellipse in the box, the ellipse is taken: it is wrong at the outline alone.
        """
        shape, longer = frame_HW3.shape[:2], max(box.w, box.h)
        inside = grown(box, 0.0, *shape)
        labels_HW = np.full(shape, cv2.GC_BGD, np.uint8)
        labels_HW[inside.slices] = cv2.GC_PR_FGD
        labels_HW[_ellipse(box, _MIDDLE, shape) > 0] = cv2.GC_FGD
        around = grown(box, self._params.context * longer, *shape).slices
        found_HW = np.zeros(shape, np.uint8)
        found_HW[around] = cut(frame_HW3[around], labels_HW[around], _CUTS, "follow", track)
        ellipse_HW = _ellipse(box, 1.0, shape)
        both, either = ((found_HW > 0) & (ellipse_HW > 0)).sum(), ((found_HW > 0) | (ellipse_HW > 0)).sum()
        return found_HW * np.uint8(255) if both >= _FILLS * either else ellipse_HW

    def _step(self, frames: Frames, i: int, before: Sequence[tuple[int, np.ndarray]]) -> _Step:
        shape = frames.grey(i).shape
        belief_HW, total_HW, trust_HW = (np.zeros(shape, np.float32) for _ in range(3))
        scale = self._params.consistency * max(shape)
        for k, mask_HW in before:
            there_HW2 = self._dense.between(frames.grey(i), frames.grey(k))
            back_HW2 = self._dense.between(frames.grey(k), frames.grey(i))
            agree_HW = consistency(there_HW2, back_HW2, scale)
            agree_HW *= agreement(frames.rgb(i), frames.rgb(k), there_HW2, self._params.colour)
            weight_HW = (agree_HW + _DOUBT) / np.float32(i - k)
            belief_HW += weight_HW * (fetch(mask_HW, there_HW2) / np.float32(255))
            total_HW += weight_HW
            trust_HW = np.maximum(trust_HW, agree_HW)
        belief_HW /= total_HW
        inside_HW = belief_HW >= 0.5
        return _Step(belief_HW, float(trust_HW[inside_HW].mean()) if inside_HW.any() else 0.0)

    def _outlined(
        self, frame_HW3: np.ndarray, belief_HW: np.ndarray, chance_C: np.ndarray, weight: float
    ) -> np.ndarray:
        """The mask ``uint8 [H,W]`` in {0, 255}: where flow and colours together say that the object is likelier."""
        near_HW = (belief_HW >= 0.5).astype(np.uint8)
        own = Box.of_mask(near_HW)
        if own is None:
            return np.zeros(near_HW.shape, np.uint8)
        maybe_HW = cv2.dilate(near_HW, disc(self._params.band * max(own.w, own.h))) > 0
        chance_HW = cv2.GaussianBlur(chance_C[cells(frame_HW3, self._params.bins)], (0, 0), _BLUR)
        likely_HW = _logit(belief_HW) + weight * _logit(chance_HW)
        return np.where(maybe_HW & (cv2.GaussianBlur(likely_HW, (0, 0), _BLUR) > 0), 255, 0).astype(np.uint8)

    def _is_it(self, step: _Step, mask_HW: np.ndarray, before_HW: np.ndarray, likeness: float) -> bool:
        """Whether a mask is still the object."""
        area, area_before = int(np.count_nonzero(mask_HW)), int(np.count_nonzero(before_HW))
        if not area or step.trust < self._params.min_trust or likeness < self._params.min_likeness:
            return False
        return area_before / self._params.max_change <= area <= area_before * self._params.max_change

    def _likeness(self, frame_HW3: np.ndarray, mask_HW: np.ndarray, chance_C: np.ndarray) -> float:
        """The mean probability of the object given the colours on a mask; 0 for an empty mask."""
        found = chance_C[cells(frame_HW3, self._params.bins)[mask_HW > 0]]
        return float(found.mean()) if len(found) else 0.0

    def _chances(self, frame_HW3: np.ndarray, mask_HW: np.ndarray) -> tuple[np.ndarray, float]:
        """The probability of the object given a colour, ``float32 [bins^3]``, from a frame and its mask.

        And how far apart the colours of object and rest are: 1 if they share none, 0 if they are the same. Where they
        are much alike, colours say little.
        """
        of_object_C, of_rest_C = (self._colours(frame_HW3, each_HW) for each_HW in (mask_HW, 255 - mask_HW))
        chance_C = np.asarray((of_object_C + _SEEN) / (of_object_C + of_rest_C + 2 * _SEEN), np.float32)
        return chance_C, 1.0 - float(np.sqrt(of_object_C * of_rest_C).sum())

    def _colours(self, frame_HW3: np.ndarray, mask_HW: np.ndarray) -> np.ndarray:
        """The shares of colours on the mask, ``float64 [bins^3]``."""
        bins = self._params.bins
        found = cells(frame_HW3, bins)[mask_HW > 0]
        return np.bincount(found, minlength=bins**3) / max(1, len(found))


def _logit(chance: np.ndarray) -> np.ndarray:
    return np.asarray(logit(np.clip(chance, _UNSURE, 1 - _UNSURE)), np.float32)


def _ellipse(box: Box, share: float, shape: tuple[int, int]) -> np.ndarray:
    """The ellipse in the middle of a box, ``uint8 [H,W]`` in {0, 255}; ``share`` is of the box's sides."""
    y_H, x_W = (np.arange(side) + 0.5 for side in shape)
    across_W = (x_W - box.x - box.w / 2) / (share * box.w / 2)
    down_H = (y_H - box.y - box.h / 2) / (share * box.h / 2)
    return np.where(down_H[:, None] ** 2 + across_W[None] ** 2 <= 1, 255, 0).astype(np.uint8)
