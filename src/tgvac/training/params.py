"""Parameters of training."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tgvac.config import Block


class TrainingParams(Block):
    """One stage of training; both stages have the same keys.

    Attributes:
        optimizer, fused: see :mod:`tgvac.training.optimizers`.
        ema: decay of the average of the weights; 0 keeps no average.
        clip_frames, frame_step: frames of a clip, and the step from one to the next in the video.
        pairs_share: probability that a sample is an image pair instead of a synthesised clip.
        level_power: noise levels are drawn as T u^power with u uniform in [0, 1): 1 is uniform, less is noisier.
        precision: of the forward pass.
        diverged: the training is stopped when the loss exceeds this many times its lowest value; 0 never stops it.
    """

    steps: int = Field(ge=1)
    batch: int = Field(ge=1)
    optimizer: Literal["adamw", "adamw8bit", "adafactor"]
    fused: bool
    lr: float = Field(gt=0)
    lr_schedule: Literal["constant", "cosine"]
    warmup: int = Field(ge=0)
    weight_decay: float = Field(ge=0)
    beta1: float = Field(ge=0, lt=1)
    beta2: float = Field(ge=0, lt=1)
    clip_norm: float = Field(gt=0)
    ema: float = Field(ge=0, lt=1)
    seed: int
    clip_frames: int = Field(ge=1)
    frame_step: int = Field(ge=1)
    pairs_share: float = Field(ge=0, le=1)
    level_power: float = Field(gt=0, le=2)
    precision: Literal["float32", "bfloat16", "float16"]
    diverged: float = Field(ge=0)

    def of_run(self, seed: int, steps: int | None) -> TrainingParams:
        """The params of one of several seeds, and of a variant that may have steps of its own."""
        changes = {"seed": self.seed + seed} if steps is None else {"seed": self.seed + seed, "steps": steps}
        return self.model_copy(update=changes)

    @model_validator(mode="after")
    def _warmup_within_steps(self) -> Self:
        if self.warmup > self.steps:
            raise ValueError(f"warmup {self.warmup} is longer than the {self.steps} steps")
        return self


class FrameModelParams(Block):
    """The initial weights of the frame model.

    Attributes:
        start: a folder or a name on the Hub, of a frame model with 12 input channels in diffusers' layout or of a
            video model, whose frame layers are used; "" for the backbones' UNet with more input channels.
        start_revision: of the Hub's repository.
    """

    start: str
    start_revision: str
