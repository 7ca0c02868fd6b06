"""The parameters of the world; their values stand in ``params.yaml`` and the scales."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tgvac.config import Block


class WorldParams(Block):
    """How much of the world is published, and at what size."""

    seed: int
    """Which world: the same seed gives the same videos, however many are published."""
    videos: Annotated[int, Field(ge=1)]
    frames: Annotated[int, Field(ge=2)]
    """Frames of each video."""
    height: Annotated[int, Field(ge=32)]
    """Pixels."""
    width: Annotated[int, Field(ge=32)]
    """Pixels."""
    crowded: Annotated[float, Field(ge=0.0, le=1.0)]
    """The share of videos with two annotated objects, the front one passing over the other."""
