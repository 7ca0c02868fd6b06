"""Parameters of the floors."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tgvac.config import Block


class FloorsParams(Block):
    """How methods that are not trained fill what is hidden.

    Attributes:
        reach: temporal copy: frames away from which pixels are still copied.
        overlap: temporal copy: share of the smaller visible part that two frames must both show before they say
            how the object moved.
        speed: temporal copy: how far an object moves at most from frame to frame, in long sides of the frame.
        shape: mean colour: the outline that is filled; ``hull``, the convex hull of the visible part, or ``union``,
            the mask of temporal copy.
    """

    reach: int = Field(ge=1)
    overlap: float = Field(ge=0, le=1)
    speed: float = Field(gt=0)
    shape: Literal["hull", "union"]
