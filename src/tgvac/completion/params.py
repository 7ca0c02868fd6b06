"""Parameters of completion and of what is evaluated."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tgvac.config import Block


class CompletionParams(Block):
    """How a method's picture becomes a completion."""

    white_threshold: int = Field(ge=1, le=255)


class EvaluationParams(Block):
    """What is completed and measured.

    ``methods`` are written ``method/variant``; those of ``ours`` come from trained models, with the
    training seeds of ``train_seeds``.
    """

    split: Literal["dev", "val"]
    frames: int = Field(ge=1)
    mask_source: Literal["given"]
    methods: tuple[str, ...] = Field(min_length=1)
    train_seeds: tuple[int, ...] = Field(min_length=1)
    sample_seed: int = Field(ge=0)
