"""Parameters of what is completed and measured."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tgvac.config import Block


class LongParams(Block):
    """The longer clips, on which Table 4 compares strides: frames of each, and how many videos (0: all)."""

    frames: int = Field(ge=1)
    videos: int = Field(ge=0)


class EvaluationParams(Block):
    """What is completed and measured.

    Attributes:
        frames: completed of each clip, at most.
        per_video: clips of each source video; 0: all.
        methods: keys of the block ``methods``.
        train_seeds: the seeds with which trained methods are trained; each is a training of its own.
        sample_seed: of the noise that sampling starts from.
    """

    split: Literal["dev", "val"]
    frames: int = Field(ge=1)
    per_video: int = Field(ge=0)
    long: LongParams
    mask_source: Literal["given"]
    methods: tuple[str, ...] = Field(min_length=1)
    train_seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=1)
    sample_seed: int = Field(ge=0)
