"""Framing: converts frames to the model's square, and back.

Training and inference use the same operator. It only depends on the visible masks, because nothing else is known at
inference. A :class:`Window` is a square in the input's pixels; it may extend beyond the frame. Mode ``frame`` takes the
whole frame, centred and padded; ``follow`` takes a smoothed window with wide margins around the visible object.

The mapping of coordinates is affine and exactly invertible. If the window's side equals the model's size, no pixel is
resampled, and the round trip is exact to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from tgvac.clips.images import resize_mask, resize_rgb
from tgvac.clips.reduction import reduced_mask, reduced_rgb, reduces
from tgvac.config import Block


class FramingParams(Block):
    """How frames are framed (``params.yaml`` documents each key)."""

    mode: Literal["frame", "follow"]
    size: int = Field(ge=8)
    pad: int = Field(ge=0, le=255)
    margin: float = Field(ge=0)
    smooth: int = Field(ge=1)


@dataclass(frozen=True)
class Window:
    """A square of ``side`` pixels with its top left corner at (``top``, ``left``), possibly outside the frame."""

    top: int
    left: int
    side: int

    def to_square(self, y: float, x: float, size: int) -> tuple[float, float]:
        """Map a point from the frame (pixel coordinates) to the model's square."""
        scale = size / self.side
        return (y - self.top) * scale, (x - self.left) * scale

    def to_frame(self, y: float, x: float, size: int) -> tuple[float, float]:
        """The inverse of :meth:`to_square`."""
        scale = self.side / size
        return y * scale + self.top, x * scale + self.left


def windows_of(params: FramingParams, visible_FHW: np.ndarray | Sequence[np.ndarray]) -> list[Window]:
    """One window per frame, from the visible masks: ``uint8 [F,H,W]``, or a sequence of ``[H,W]``."""
    frames, (height, width) = len(visible_FHW), visible_FHW[0].shape
    whole = Window((height - max(height, width)) // 2, (width - max(height, width)) // 2, max(height, width))
    if params.mode == "frame":
        return [whole] * frames
    boxes_F4 = _visible_boxes(visible_FHW)
    if boxes_F4 is None:
        return [whole] * frames
    centre_F2 = np.stack([boxes_F4[:, 0] + boxes_F4[:, 1], boxes_F4[:, 2] + boxes_F4[:, 3]], axis=1) / 2
    extent = float(np.max([boxes_F4[:, 1] - boxes_F4[:, 0], boxes_F4[:, 3] - boxes_F4[:, 2]]))
    # One side for the whole clip: the visible extent changes with the occlusion, but the object does not.
    side = int(np.clip(np.ceil(extent * (1 + 2 * params.margin)), 8, whole.side))
    centre_F2 = _smooth(centre_F2, params.smooth)
    return [Window(round(y - side / 2), round(x - side / 2), side) for y, x in centre_F2.tolist()]


def _visible_boxes(visible_FHW: np.ndarray | Sequence[np.ndarray]) -> np.ndarray | None:
    """Boxes as ``float64 [F,4]``: top, bottom, left, right, interpolated at empty masks; None if all are empty."""
    boxes_F4 = np.full((len(visible_FHW), 4), np.nan)
    for i, mask_HW in enumerate(visible_FHW):
        ys, xs = np.nonzero(mask_HW)
        if len(ys):
            boxes_F4[i] = ys.min(), ys.max() + 1, xs.min(), xs.max() + 1
    seen = np.flatnonzero(~np.isnan(boxes_F4[:, 0]))
    if len(seen) == 0:
        return None
    at = np.arange(len(boxes_F4))
    return np.stack([np.interp(at, seen, boxes_F4[seen, k]) for k in range(4)], axis=1)


def _smooth(values_FK: np.ndarray, radius: int) -> np.ndarray:
    """A centred moving mean over ``2 * radius - 1`` frames; the ends are repeated."""
    if radius == 1:
        return values_FK
    padded = np.pad(values_FK, ((radius - 1, radius - 1), (0, 0)), mode="edge")
    kernel = np.ones(2 * radius - 1) / (2 * radius - 1)
    return np.stack([np.convolve(padded[:, k], kernel, mode="valid") for k in range(values_FK.shape[1])], axis=1)


def frame_rgb(image_HW3: np.ndarray, window: Window, size: int, pad: int) -> np.ndarray:
    """Crop a window from a frame, ``uint8 [size,size,3]``; outside the frame the value is ``pad``."""
    if reduces(window.side, size):
        return reduced_rgb(image_HW3, window.top, window.left, window.side, size, pad)
    return resize_rgb(_crop(image_HW3, window, pad), size, size)


def frame_mask(mask_HW: np.ndarray, window: Window, size: int) -> np.ndarray:
    """Crop a window from a mask, ``uint8 [size,size]``; outside the frame the value is 0."""
    if reduces(window.side, size):
        return reduced_mask(mask_HW, window.top, window.left, window.side, size)
    return resize_mask(_crop(mask_HW, window, 0), size, size)


def frame_video(params: FramingParams, images_FHW3: np.ndarray, windows: list[Window], pad: int) -> np.ndarray:
    """Crop each frame's window, ``uint8 [F,size,size,3]``."""
    return np.stack([frame_rgb(i, w, params.size, pad) for i, w in zip(images_FHW3, windows, strict=True)])


def frame_masks(params: FramingParams, masks_FHW: np.ndarray, windows: list[Window]) -> np.ndarray:
    """Crop each mask's window, ``uint8 [F,size,size]``."""
    return np.stack([frame_mask(m, w, params.size) for m, w in zip(masks_FHW, windows, strict=True)])


def unframe_rgb(square_SS3: np.ndarray, window: Window, height: int, width: int, fill: int) -> np.ndarray:
    """Paste a square back into a frame of the given size, ``uint8 [height,width,3]``; the rest is ``fill``."""
    return _paste(resize_rgb(square_SS3, window.side, window.side), window, height, width, fill)


def unframe_mask(square_SS: np.ndarray, window: Window, height: int, width: int) -> np.ndarray:
    """Paste a square mask back into a frame, ``uint8 [height,width]``; the rest is 0."""
    return _paste(resize_mask(square_SS, window.side, window.side), window, height, width, 0)


def _overlap(window: Window, height: int, width: int) -> tuple[slice, slice, slice, slice]:
    """Rows and columns of the frame that the window covers, then the same in the window's coordinates."""
    top, bottom = max(window.top, 0), max(min(window.top + window.side, height), 0)
    left, right = max(window.left, 0), max(min(window.left + window.side, width), 0)
    bottom, right = max(bottom, top), max(right, left)
    return (
        slice(top, bottom),
        slice(left, right),
        slice(top - window.top, bottom - window.top),
        slice(left - window.left, right - window.left),
    )


def _crop(image: np.ndarray, window: Window, fill: int) -> np.ndarray:
    rows, columns, inner_rows, inner_columns = _overlap(window, *image.shape[:2])
    out = np.full((window.side, window.side, *image.shape[2:]), fill, image.dtype)
    out[inner_rows, inner_columns] = image[rows, columns]
    return out


def _paste(square: np.ndarray, window: Window, height: int, width: int, fill: int) -> np.ndarray:
    rows, columns, inner_rows, inner_columns = _overlap(window, height, width)
    out = np.full((height, width, *square.shape[2:]), fill, square.dtype)
    out[rows, columns] = square[inner_rows, inner_columns]
    return out
