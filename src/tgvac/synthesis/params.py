"""Parameters of selection and synthesis."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tgvac.config import Block


class SelectParams(Block):
    """What counts as a whole object; each rule looks at one frame."""

    min_frames: int = Field(ge=1)
    min_area: float = Field(ge=0, le=1)
    max_border: float = Field(ge=0, le=1)
    max_other_parts: float = Field(ge=0, le=1)
    max_touch: float = Field(ge=0, le=1)
    max_area_change: float = Field(ge=1)
    min_whole_share: float = Field(ge=0, le=1)


class SplitParams(Block):
    """How source videos are divided."""

    seed: int
    val: float = Field(gt=0, lt=1)
    dev: float = Field(ge=0, lt=1)
    min_videos: int = Field(ge=1)


class SynthesisParams(Block):
    """How occlusion videos are made."""

    seed: int
    per_object: int = Field(ge=1)
    placement: Literal["same_coordinates"]
    max_frames: int = Field(ge=1)
    stride: int = Field(ge=1)
    attempts: int = Field(ge=1)
    rate_min: float = Field(ge=0, le=1)
    rate_max: float = Field(ge=0, le=1)
    first_rate_max: float = Field(ge=0, lt=1)
    split: SplitParams

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.rate_min > self.rate_max:
            raise ValueError(f"rate_min {self.rate_min} is above rate_max {self.rate_max}")
        return self
