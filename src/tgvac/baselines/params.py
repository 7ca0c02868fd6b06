"""Parameters of the floors."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tgvac.config import Block


class FloorsParams(Block):
    """How methods that are not trained fill what is hidden.

    Attributes:
        reach: temporal copy: frames away from which pixels are still copied.
        scales: temporal copy: sizes tried when an object is aligned between frames, relative to its own.
        tolerance: temporal copy: distance in RGB, each channel in [0, 1], from which two pixels speak against
            an alignment.
        shape: mean colour: the outline that is filled; ``hull``, the convex hull of the visible part, or ``union``,
            the mask of temporal copy.
    """

    reach: int = Field(ge=1)
    scales: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=1)
    tolerance: float = Field(gt=0)
    shape: Literal["hull", "union"]
