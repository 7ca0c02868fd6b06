"""Parameters of completion and of what is evaluated."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tgvac.config import Block


class CompletionParams(Block):
    """How a method's picture becomes a completion."""

    white_threshold: int = Field(ge=1, le=255)


class MethodParams(Block):
    """One ``<method>/<variant>``: in what it differs from the method as the other blocks describe it.

    Attributes:
        trained: of ours, which trained variant it uses.
        motion: of ours, whether with motion modules; without, frames are completed one by one.
        guidance, hop: in place of the sampler's own.
        one_window: of ours, the whole video in a single window.
        clips: which evaluated clips it completes.
    """

    trained: str = "full"
    motion: bool = True
    guidance: float | None = Field(default=None, ge=0)
    hop: int | None = Field(default=None, ge=1)
    one_window: bool = False
    clips: Literal["short", "long"] = "short"


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
