"""Measurements of a mask at full resolution, without thresholds.

Selection applies thresholds to these numbers later, so a changed rule does not need the pixels again.
"""

from __future__ import annotations

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

_LISTED_PARTS = 4


class FrameGeometry(BaseModel):
    """Measurements of one frame's mask. Areas are fractions of the frame, lengths are fractions of the outline.

    Attributes:
        area: area of the mask, in [0, 1].
        parts: areas of its largest connected parts (8-connected), at most four, in descending order.
        border: pixels of the mask on the frame's outermost rows and columns, divided by the outline's length.
        touch: outline pixels that touch another annotated object or void, divided by the outline's length.
    """

    model_config = ConfigDict(frozen=True)

    area: float
    parts: tuple[float, ...]
    border: float
    touch: float


def measure(mask_HW: np.ndarray, others_HW: np.ndarray) -> FrameGeometry:
    """Measure a mask ``uint8 [H,W]`` (0 is outside) against the union of all other annotated pixels."""
    mask = (mask_HW > 0).astype(np.uint8)
    total = mask.sum(dtype=np.int64)
    if total == 0:
        return FrameGeometry(area=0.0, parts=(), border=0.0, touch=0.0)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = sorted((int(a) for a in stats[1:, cv2.CC_STAT_AREA]), reverse=True)[:_LISTED_PARTS]
    # Outside the frame counts as background, so that a mask cut by the frame has an outline there.
    kernel = np.ones((3, 3), np.uint8)
    outline = mask & (cv2.erode(mask, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) == 0)
    length = int(outline.sum())
    edge = np.zeros_like(mask)
    edge[[0, -1], :] = 1
    edge[:, [0, -1]] = 1
    near = cv2.dilate((others_HW > 0).astype(np.uint8), kernel)
    size = mask.size
    return FrameGeometry(
        area=round(int(total) / size, 8),
        parts=tuple(round(a / size, 8) for a in areas),
        border=round(int((mask & edge).sum()) / length, 6),
        touch=round(int((outline & near).sum()) / length, 6),
    )
