"""Parameters of training."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tgvac.config import Block


class TrainingParams(Block):
    """One stage of training; the same keys for frames and for motion.

    ``pairs_share`` is the probability that a sample is a pair of images and not of the synthesised clips;
    ``precision`` that of the forward pass; ``diverged`` how many times its lowest value the loss may grow to, 0: any;
    ``optimizer`` and ``fused`` as in :mod:`tgvac.training.optimizers`;
    ``ema`` the average's decay, of which 0 keeps none;
    ``level_power`` draws noise levels as T u^power, u even in [0, 1): 1 evenly, the smaller the noisier.
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

    @model_validator(mode="after")
    def _warmup_within_steps(self) -> Self:
        if self.warmup > self.steps:
            raise ValueError(f"warmup {self.warmup} is longer than the {self.steps} steps")
        return self


class FrameModelParams(Block):
    """What the frame model begins with.

    ``start``: a folder or a hub's name of a frame model of twelve channels in diffusers' layout, or of a video model,
    whose frame layers are taken; "": the backbones' UNet, widened.
    """

    start: str
    start_revision: str
