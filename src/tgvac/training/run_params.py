"""Params for saving, logging and watching a training; they do not change the trained weights."""

from __future__ import annotations

from pydantic import Field

from tgvac.config import Block


class CheckpointParams(Block):
    """How often a training is saved and logged. Of these only ``log_every`` changes a result, ``events.jsonl``.

    Attributes:
        every: steps between two checkpoints.
        seconds: the longest time between two checkpoints, in seconds; 0 for no limit.
        keep: number of checkpoints to keep.
        log_every: steps between two events.
    """

    every: int = Field(ge=1)
    seconds: float = Field(ge=0)
    keep: int = Field(ge=1)
    log_every: int = Field(ge=1)


class SamplesParams(Block):
    """Pictures during a training; no result depends on them.

    Attributes:
        every: steps between two pictures; 0 for none.
        pictures: tiles in a row.
        sampling_steps, guidance: in place of the block ``sampler``'s.
    """

    every: int = Field(ge=0)
    pictures: int = Field(ge=1)
    sampling_steps: int = Field(ge=1)
    guidance: float = Field(ge=0)
