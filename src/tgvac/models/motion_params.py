"""Parameters of the motion modules."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tgvac.config import Block


class MotionModuleParams(Block):
    """The temporal modules.

    Attributes:
        block: ``paper`` has self-attention with relative positions, cross-attention to the text and a feed-forward;
            ``animatediff`` has two self-attentions with sinusoidal positions and a feed-forward.
        heads: attention heads.
        max_frames: length of the table of sinusoidal positions.
        max_distance: the largest relative position.
        norm: ``frame`` normalises each frame by itself, ``clip`` all frames of a clip together.
        start: a folder or hub name of a ``MotionAdapter`` whose weights training starts from; "": random weights with
            zero output.
        start_revision: of the hub name.
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
                f"start '{self.start}' has modules of block 'animatediff', and block is '{self.block}'; set block to"
                " 'animatediff', or start to ''"
            )
        return self
