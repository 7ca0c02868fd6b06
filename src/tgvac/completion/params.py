"""Parameters of what is completed and measured."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tgvac.config import Block


class LongParams(Block):
    """The longer clips, on which Table 4 compares hops."""

    frames: int = Field(ge=1)
    videos: int = Field(ge=0)


class EvaluationParams(Block):
    """What is completed and measured.

    ``methods`` are names of the block of that name; those of ``ours`` come from trained models, with
    the training seeds of ``train_seeds``.
    """

    split: Literal["dev", "val"]
    frames: int = Field(ge=1)
    per_video: int = Field(ge=0)
    long: LongParams
    mask_source: Literal["given"]
    methods: tuple[str, ...] = Field(min_length=1)
    train_seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)
    sample_seed: int = Field(ge=0)
