"""Parameters of sources and tracks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tgvac.config import Block
from tgvac.sources.world.params import WorldParams


class SourcesParams(Block):
    """Which sources are used, and the procedural one's size."""

    use: tuple[str, ...] = Field(min_length=1)
    world: WorldParams


class TracksParams(Block):
    """How footage is kept."""

    long_side: int = Field(ge=16)
    codec: Literal["png", "jpeg"]
    max_frames: int = Field(ge=0)
