"""Parameters of training."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tgvac.config import Block


class MaskNoiseParams(Block):
    """Faults of training masks, lengths in shares of the longer side of what is seen."""

    share: float = Field(ge=0, le=1)
    seed: int
    erode: float = Field(ge=0, lt=0.5)
    dilate: float = Field(ge=0, lt=0.5)
    leak_share: float = Field(ge=0, le=1)
    leak: float = Field(ge=0, le=1)


class LatentsParams(Block):
    """The cache of encoded clips and sentences.

    ``cache``: whether there is one; else clips and sentences are encoded while training, to the same bits on a CPU.
    ``texts``: sentences whose states are kept at most. ``mask_draws``: of ``mask_noise``, for each clip or pair.
    """

    cache: bool
    splits: tuple[Literal["train", "dev", "val"], ...] = Field(min_length=1)
    texts: int = Field(ge=0)
    mask_draws: int = Field(ge=1)
    mask_noise: MaskNoiseParams

    @model_validator(mode="after")
    def _draws_differ(self) -> Self:
        if self.mask_draws > 1 and self.mask_noise.share == 0:
            raise ValueError(f"mask_draws is {self.mask_draws}, but mask_noise.share is 0, so that all would be alike")
        return self


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


class CheckpointParams(Block):
    """How often training is saved, which decides no result, and logged, which decides ``events.jsonl``.

    ``every``: steps between two checkpoints; ``seconds``: the longest that a training goes without one, 0: any time.
    """

    every: int = Field(ge=1)
    seconds: float = Field(ge=0)
    keep: int = Field(ge=1)
    log_every: int = Field(ge=1)


class SamplesParams(Block):
    """Pictures along a training: they are looked at, and decide nothing.

    ``every``: steps between them, 0 for none; ``pictures``: tiles in a row; ``sampling_steps`` and ``guidance`` as in
    the blocks ``diffusion`` and ``sampler``, whose values are not taken, so that changing those trains nothing anew.
    """

    every: int = Field(ge=0)
    pictures: int = Field(ge=1)
    sampling_steps: int = Field(ge=1)
    guidance: float = Field(ge=0)
