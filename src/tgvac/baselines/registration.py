"""Where an object of one frame lies in another: alignment by the pixels that both frames show.

Occlusion cuts visible parts, so their boxes and centroids jump though the object doesn't. Only pixels that are
visible in both frames say how it moved. A placement is scored by

    sum over jointly visible pixels of  tolerance² - |difference of colours|²,

which asks for as many agreeing pixels as possible. The sum is a correlation, so one inverse transform scores
all translations at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.fft import irfft2, rfft2

from tgvac.clip.images import resize_mask, resize_rgb

_PATH_COST = 1e-3
"""What a pixel of displacement costs, in agreeing pixels: so little that it only decides between equals."""


@dataclass(frozen=True)
class Patch:
    """The visible part of a frame, cut at its box: RGB ``uint8 [h,w,3]``, mask ``uint8 [h,w]``, and where it lies."""

    rgb_hw3: np.ndarray
    mask_hw: np.ndarray
    top: int
    left: int

    @property
    def centre(self) -> tuple[float, float]:
        height, width = self.mask_hw.shape
        return self.top + height / 2, self.left + width / 2

    def scaled(self, scale: float) -> Patch:
        """The same part at another size, about its centre."""
        if scale == 1:
            return self
        height, width = (max(1, round(side * scale)) for side in self.mask_hw.shape)
        y, x = self.centre
        rgb, mask = resize_rgb(self.rgb_hw3, height, width), resize_mask(self.mask_hw, height, width)
        return Patch(rgb, mask, round(y - height / 2), round(x - width / 2))

    def moved(self, top: int, left: int) -> Patch:
        return Patch(self.rgb_hw3, self.mask_hw, top, left)


def cut(frame_HW3: np.ndarray, mask_HW: np.ndarray) -> Patch | None:
    """The visible part of a frame; None where nothing is visible."""
    ys, xs = np.flatnonzero(mask_HW.any(axis=1)), np.flatnonzero(mask_HW.any(axis=0))
    if len(ys) == 0:
        return None
    box = slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1)
    return Patch(frame_HW3[box], mask_HW[box], int(ys[0]), int(xs[0]))


class Aligner:
    """Aligns the visible parts of one video's frames.

    Args:
        frames_FHW3, visible_FHW: the input, ``uint8``; masks in {0, 255}.
        scales: sizes to try, relative to the source's.
        tolerance: distance of colours, channels in [0, 1], beyond which pixels disagree.
        kept: frames whose transforms are kept, which bounds memory.
    """

    def __init__(
        self,
        frames_FHW3: np.ndarray,
        visible_FHW: np.ndarray,
        scales: tuple[float, ...],
        tolerance: float,
        kept: int,
    ) -> None:
        self.patches = [cut(frame, mask) for frame, mask in zip(frames_FHW3, visible_FHW, strict=True)]
        # The size of the source itself first, so that another one must be better, not just as good.
        self._scales = sorted(scales, key=lambda scale: (abs(scale - 1), scale))
        self._tolerance = tolerance
        boxes = [patch.mask_hw.shape for patch in self.patches if patch is not None] or [(1, 1)]
        # Room for each box beside each scaled one, so that no shift wraps into another.
        grow = 1 + max(*scales, 1.0)
        height, width = (int(np.ceil(max(sides) * grow)) + 1 for sides in zip(*boxes, strict=True))
        self._shape = cv2.getOptimalDFTSize(height), cv2.getOptimalDFTSize(width)
        self._source = lru_cache(maxsize=kept)(self._transform_source)
        self._target = lru_cache(maxsize=2)(self._transform_target)

    def place(self, source: int, target: int) -> Patch | None:
        """The visible part of ``source``, sized and moved to where it lies in ``target``.

        None where one of them shows nothing, or where nothing speaks for any placement.
        """
        at = self.patches[target]
        if at is None or self.patches[source] is None:
            return None
        best: Patch | None = None
        highest = 0.0
        for number in range(len(self._scales)):
            patch, planes = self._source(source, number)
            score_yx = irfft2((self._target(target) * planes.conj()).sum(axis=0), self._shape)
            height, width = patch.mask_hw.shape
            dy, dx = np.arange(1 - height, at.mask_hw.shape[0]), np.arange(1 - width, at.mask_hw.shape[1])
            score_yx = score_yx[np.ix_(dy, dx)]  # a negative shift stands at the array's end
            path_yx = np.hypot((at.top + dy - patch.top)[:, None], (at.left + dx - patch.left)[None])
            score_yx = score_yx - _PATH_COST * self._tolerance**2 * path_yx
            y, x = np.unravel_index(int(score_yx.argmax()), score_yx.shape)
            if score_yx[y, x] > highest * (1 + 1e-9):
                highest = float(score_yx[y, x])
                best = patch.moved(at.top + int(dy[y]), at.left + int(dx[x]))
        return best

    def _transform_source(self, frame: int, number: int) -> tuple[Patch, np.ndarray]:
        patch = self.patches[frame]
        assert patch is not None
        patch = patch.scaled(self._scales[number])
        seen_hw, colour_3hw, square_hw = _planes(patch)
        return patch, rfft2(np.stack([seen_hw, -square_hw, *colour_3hw]), self._shape)

    def _transform_target(self, frame: int) -> np.ndarray:
        patch = self.patches[frame]
        assert patch is not None
        seen_hw, colour_3hw, square_hw = _planes(patch)
        planes = np.stack([self._tolerance**2 * seen_hw - square_hw, seen_hw, *(2 * colour_3hw)])
        return np.asarray(rfft2(planes, self._shape))


def _planes(patch: Patch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the visible pixels: ones, colours in [-0.5, 0.5], and their squared length; zero elsewhere."""
    seen_hw = (patch.mask_hw > 0).astype(np.float64)
    # Centred, since large equal sums would cost the difference its digits.
    colour_3hw = seen_hw * (np.moveaxis(patch.rgb_hw3, -1, 0) / 255 - 0.5)
    return seen_hw, colour_3hw, (colour_3hw**2).sum(axis=0)
