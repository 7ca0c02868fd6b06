"""The parameters of the world; their values stand in ``params.yaml`` and the scales."""

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
    """How much of what is in the world. The first six are shares of videos, of which a video has one at most."""

    crowded: Share
    """Two objects, or three, the front one passing over another."""
    company: Share
    """Two objects that keep apart."""
    fenced: Share
    """Something without an annotation, such as a fence, stands before the objects."""
    late: Share
    """YouTube-VOS: an object comes when the video has begun."""
    hidden: Share
    """LaSOT: the target goes wholly behind something for some frames."""
    leaving: Share
    """LaSOT: the target leaves the view for some frames, and comes back."""
    third: Share
    """Of the crowded videos, those with three objects."""
    white: Share
    """Of the objects, those that are mainly white, as is the ground on which objects are completed."""
    camouflaged: Share
    """Of the videos, those whose first object has a main colour that the background has, too."""
    patterned: Share
    """Of the objects, those with stripes, spots or bands."""
    later_start: Share
    """YouTube-VOS: of the videos, those whose first frame is not number 0."""

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
    """Which world: the same seed gives the same videos, however many are published."""
    videos: WorldVideos
    frames: Annotated[int, Field(ge=2)]
    """Frames of each video."""
    height: Annotated[int, Field(ge=32)]
    """Pixels."""
    width: Annotated[int, Field(ge=32)]
    """Pixels."""
    pairs: Annotated[int, Field(ge=1)]
    """Pairs of pictures in the layout of pix2gestalt."""
    pair_size: Annotated[int, Field(ge=32)]
    """Pixels, each way."""
    pair_rate_min: Annotated[float, Field(gt=0.0, lt=1.0)]
    pair_rate_max: Annotated[float, Field(gt=0.0, lt=1.0)]
    """Occlusion rates of pairs are spread evenly between the two."""
    pair_scale_min: Annotated[float, Field(gt=0.0, le=1.0)]
    """Sizes of whole objects are drawn from here to 1, which is the largest that fits the picture."""
    unseen: Share
    """LaSOT: below this share of its area in view an object is flagged as absent, as an annotator would."""
    shares: WorldShares

    @model_validator(mode="after")
    def _rates_in_order(self) -> Self:
        if self.pair_rate_min >= self.pair_rate_max:
            raise ValueError(
                f"pair_rate_min is {self.pair_rate_min:g} and pair_rate_max {self.pair_rate_max:g};"
                " give the smaller one as the minimum"
            )
        return self
