"""Parameters of selection and synthesis."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tgvac.config import Block


class SelectParams(Block):
    """Rules for whole objects; each rule applies to one frame."""

    min_frames: int = Field(ge=1)
    min_area: float = Field(ge=0, le=1)
    max_border: float = Field(ge=0, le=1)
    max_other_parts: float = Field(ge=0, le=1)
    max_touch: float = Field(ge=0, le=1)
    max_area_change: float = Field(ge=1)
    min_whole_share: float = Field(ge=0, le=1)


class SplitParams(Block):
    """How source videos are split."""

    by: Literal["video", "random"]
    seed: int
    val: float = Field(gt=0, lt=1)
    dev: float = Field(ge=0, lt=1)
    min_videos: int = Field(ge=1)


class RichParams(Block):
    """Ranges of the placement `rich`, each ``[min, max]``; shifts and drifts are fractions of width and height."""

    occluders: tuple[int, int]
    scale: tuple[float, float]
    shift_x: tuple[float, float]
    shift_y: tuple[float, float]
    drift: tuple[float, float]
    flip: float = Field(ge=0, le=1)
    aim: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _ranges_in_order(self) -> Self:
        for key in ("occluders", "scale", "shift_x", "shift_y", "drift"):
            low, high = getattr(self, key)
            if low > high:
                raise ValueError(f"{key} has a minimum of {low} above its maximum of {high}")
        for key, lowest in (("occluders", 1), ("drift", 0)):
            if getattr(self, key)[0] < lowest:
                raise ValueError(f"{key} has a minimum of {getattr(self, key)[0]}, below {lowest}")
        if self.scale[0] <= 0:
            raise ValueError(f"scale has a minimum of {self.scale[0]}, which must be above 0")
        return self


class HistogramParams(Block):
    """Target shares of recipes by mean occlusion rate; without shares, any rate is accepted."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]

    @model_validator(mode="after")
    def _shares_of_bins(self) -> Self:
        if list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"edges {list(self.edges)} are not increasing")
        if not self.shares:
            return self
        if len(self.edges) != len(self.shares) + 1:
            raise ValueError(f"{len(self.shares)} shares need {len(self.shares) + 1} edges, not {len(self.edges)}")
        if min(self.shares) < 0 or abs(sum(self.shares) - 1) > 1e-6:
            raise ValueError(f"shares {list(self.shares)} are negative or do not add up to 1")
        return self


class SynthesisParams(Block):
    """How occlusion videos are made."""

    seed: int
    per_object: int = Field(ge=1)
    placement: Literal["paper", "rich"]
    rich: RichParams
    edge: Literal["hard", "soft"]
    feather: int = Field(ge=1, le=8)
    max_frames: int = Field(ge=1)
    frame_step: int = Field(ge=1)
    attempts: int = Field(ge=1)
    rate_min: float = Field(ge=0, le=1)
    rate_max: float = Field(ge=0, le=1)
    first_rate_max: float = Field(ge=0, lt=1)
    histogram: HistogramParams
    split: SplitParams

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.rate_min > self.rate_max:
            raise ValueError(f"rate_min {self.rate_min} is above rate_max {self.rate_max}")
        edges = self.histogram.edges
        if self.histogram.shares and not self.rate_min <= edges[0] < edges[-1] <= self.rate_max:
            raise ValueError(
                f"histogram.edges go from {edges[0]} to {edges[-1]}, outside of rate_min {self.rate_min} to rate_max"
                f" {self.rate_max}"
            )
        return self

    @property
    def feather_of_edge(self) -> int:
        """Width of the ramp of an occluder's edge, in pixels; 0 for hard edges."""
        return self.feather if self.edge == "soft" else 0
