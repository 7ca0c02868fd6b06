"""Parameters of the motion modules."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tgvac.config import Block


class MotionModuleParams(Block):
    """The temporal modules.

    ``block``: ``paper`` has self-attention with relative positions, cross-attention to the text and a feed-forward;
    ``animatediff`` two self-attentions with sinusoidal positions and a feed-forward. ``max_frames`` is what
    sinusoidal positions are made for, ``max_distance`` the farthest relative one. ``start``: a folder or a hub's name
    of a ``MotionAdapter`` of diffusers, whose weights they begin with; "": at random, their output zero.
    """

    block: Literal["paper", "animatediff"]
    heads: int = Field(ge=1)
    max_frames: int = Field(ge=2)
    max_distance: int = Field(ge=1)
    norm: Literal["frame", "clip"]
    start: str
    start_revision: str

    @model_validator(mode="after")
    def _start_has_this_block(self) -> Self:
        if self.start and self.block != "animatediff":
            raise ValueError(
                f"start '{self.start}' holds modules of block 'animatediff', and block is '{self.block}'; set block to"
                " 'animatediff', or start to ''"
            )
        return self
