"""Parameters of the data set's card."""

from __future__ import annotations

from pydantic import Field

from tgvac.config import Block


class DatasetParams(Block):
    """What the card shows, and what a run cannot know of its publication."""

    samples: int = Field(ge=0)
    strip_frames: int = Field(ge=1)
    zoom: int = Field(ge=1)
    sheet_rows: int = Field(ge=1)
    sheet_columns: int = Field(ge=1)
    sheet_side: int = Field(ge=16)
    listed: int = Field(ge=1)
    rate_bins: int = Field(ge=1)
    length_bins: int = Field(ge=1)
    categories: int = Field(ge=1)
    words: int = Field(ge=1)
    published: str = Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")
    url: str = Field(pattern=r"^(https?://\S+)?$")
