"""The parameters of the world; their values are in ``params.yaml`` and the scales."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from tgvac.config import Block

Layout: TypeAlias = Literal["davis", "youtube_vos", "lasot", "pix2gestalt"]
Share: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]


class WorldVideos(Block):
    """How many videos are published in each layout."""

    davis: Annotated[int, Field(ge=1)]
    youtube_vos: Annotated[int, Field(ge=1)]
    lasot: Annotated[int, Field(ge=1)]


class WorldShares(Block):
    """Shares of what the world contains. The first six are shares of videos; each video has at most one of them."""

    crowded: Share
    """Two or three objects; the front one passes over another."""
    company: Share
    """Two objects that stay apart."""
    fenced: Share
    """Something without an annotation, such as a fence, is in front of the objects."""
    late: Share
    """YouTube-VOS: an object appears after the first frame."""
    hidden: Share
    """LaSOT: the target is fully occluded in some frames."""
    leaving: Share
    """LaSOT: the target leaves the view for some frames, and returns."""
    third: Share
    """The share of crowded videos with three objects."""
    white: Share
    """The share of objects that are mainly white, like the background of completed objects."""
    camouflaged: Share
    """The share of videos whose background contains the main colour of the first object."""
    patterned: Share
    """The share of objects with stripes, spots or bands."""
    later_start: Share
    """YouTube-VOS: the share of videos whose first frame is not number 0."""

    @model_validator(mode="after")
    def _one_staging_a_video(self) -> Self:
        common = self.crowded + self.company + self.fenced
        if (total := common + max(self.late, self.hidden + self.leaving)) > 1.0:
            raise ValueError(
                f"crowded + company + fenced + the larger of late and hidden + leaving is {total:g};"
                " a video has one of them at most, so let them add up to 1 or less"
            )
        return self


class WorldParams(Block):
    """How much of the world is published, and at what size."""

    seed: int
    """The same seed gives the same videos, however many are published."""
    videos: WorldVideos
    frames: Annotated[int, Field(ge=2)]
    """Frames of each video."""
    height: Annotated[int, Field(ge=32)]
    """Pixels."""
    width: Annotated[int, Field(ge=32)]
    """Pixels."""
    pairs: Annotated[int, Field(ge=1)]
    """The number of image pairs in the layout of pix2gestalt."""
    pair_size: Annotated[int, Field(ge=32)]
    """Height and width in pixels."""
    pair_rate_min: Annotated[float, Field(gt=0.0, lt=1.0)]
    pair_rate_max: Annotated[float, Field(gt=0.0, lt=1.0)]
    """Occlusion rates of pairs are spread evenly between these two."""
    pair_scale_min: Annotated[float, Field(gt=0.0, le=1.0)]
    """Sizes of whole objects are drawn between this and 1, the largest that fits the image."""
    unseen: Share
    """LaSOT: an object is flagged as absent if at most this share of its area is visible, as by an annotator."""
    shares: WorldShares

    @model_validator(mode="after")
    def _rates_in_order(self) -> Self:
        if self.pair_rate_min >= self.pair_rate_max:
            raise ValueError(
                f"pair_rate_min is {self.pair_rate_min:g} and pair_rate_max {self.pair_rate_max:g};"
                " give the smaller one as the minimum"
            )
        return self
