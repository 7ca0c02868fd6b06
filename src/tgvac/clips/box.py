"""Axis-aligned boxes, which some sources give instead of masks."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class Box(BaseModel):
    """A box of positive area, in pixels of its image; pixel ``i`` covers ``[i, i + 1)``.

    Attributes:
        x, y: the top left corner.
        w, h: width and height.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    x: float
    y: float
    w: float = Field(gt=0)
    h: float = Field(gt=0)

    def scaled(self, across: float, down: float) -> Box:
        """The box after its image was resized by these factors, of the width and of the height."""
        return Box(x=self.x * across, y=self.y * down, w=self.w * across, h=self.h * down)

    def clipped(self, height: int, width: int) -> Box | None:
        """The part inside an image of that size; None if it is outside of the image."""
        left, top = max(self.x, 0.0), max(self.y, 0.0)
        right, bottom = min(self.x + self.w, float(width)), min(self.y + self.h, float(height))
        if right <= left or bottom <= top:
            return None
        return Box(x=left, y=top, w=right - left, h=bottom - top)

    def iou(self, other: Box) -> float:
        """Area of the intersection over area of the union, in [0, 1]."""
        across = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        down = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        common = max(across, 0.0) * max(down, 0.0)
        return common / (self.w * self.h + other.w * other.h - common)

    @staticmethod
    def of_mask(mask_HW: np.ndarray) -> Box | None:
        """The smallest box around a mask ``[H,W]`` (0 is outside); None if the mask is empty."""
        columns, rows = np.flatnonzero(mask_HW.any(axis=0)), np.flatnonzero(mask_HW.any(axis=1))
        if not len(columns):
            return None
        left, top = int(columns[0]), int(rows[0])
        return Box(x=left, y=top, w=int(columns[-1]) + 1 - left, h=int(rows[-1]) + 1 - top)


_BEYOND = 0.1
"""A box that reaches farther out of its frame, in shares of the frame, is doubted if it fits as two corners."""


def fault_of(box: Box, height: int, width: int) -> str:
    """What is wrong with a box that a person wrote, for the end of a sentence; "" if nothing is."""
    if box.clipped(height, width) is None:
        return f"is outside its frame of {width}x{height}; correct it."
    if max(box.x + box.w, box.y + box.h) <= 1:
        return "lies within one pixel; write x, y, width and height in pixels of its frame, not in shares of it."
    far = box.x + box.w > (1 + _BEYOND) * width or box.y + box.h > (1 + _BEYOND) * height
    if far and box.x < box.w <= width and box.y < box.h <= height:
        return (
            f"reaches far out of its frame of {width}x{height}, but fits as two corners; write x, y, width and height,"
            f" here {box.x:g},{box.y:g},{box.w - box.x:g},{box.h - box.y:g}."
        )
    return ""
