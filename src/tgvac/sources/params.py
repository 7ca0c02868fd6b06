"""Parameters of sources and tracks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tgvac.config import Block
from tgvac.sources.world.params import WorldParams


class SourcesParams(Block):
    """Which sources are used, how pairs are kept, and the procedural source's size.

    Attributes:
        use: sources of videos.
        pairs: sources of pairs of images.
        pair_buckets: into how many files a source's pairs are sorted; each is put together in one go.
        pair_outside_max: share of the visible mask that may lie outside of the whole mask.
        pair_max_bytes, pair_captions_max_bytes: of an image, and of ``captions.json``; more is not read.
    """

    use: tuple[str, ...] = Field(min_length=1)
    pairs: tuple[str, ...]
    pair_buckets: int = Field(ge=1, le=512)
    pair_outside_max: float = Field(ge=0, lt=1)
    pair_max_bytes: int = Field(ge=1)
    pair_captions_max_bytes: int = Field(ge=1)
    world: WorldParams


class TracksParams(Block):
    """How footage is kept."""

    long_side: int = Field(ge=16)
    codec: Literal["png", "jpeg"]
    max_frames: int = Field(ge=0)
