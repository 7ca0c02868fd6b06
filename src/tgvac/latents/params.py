"""Parameters of the cache of latents."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tgvac.config import Block


class MaskNoiseParams(Block):
    """Noise on training masks; lengths are shares of the longer side of the visible part."""

    share: float = Field(ge=0, le=1)
    seed: int
    erode: float = Field(ge=0, lt=0.5)
    dilate: float = Field(ge=0, lt=0.5)
    leak_share: float = Field(ge=0, le=1)
    leak: float = Field(ge=0, le=1)


class LatentsParams(Block):
    """The cache of encoded clips and sentences.

    Attributes:
        cache: whether there is a cache; without one, training encodes clips and sentences, to the same bits on a CPU.
        splits: whose clips are encoded.
        texts: the most sentences whose states are cached.
        mask_draws: draws of ``mask_noise`` per clip or pair.
        holes: draws of random holes per frame, for variants of layout ``inpaint``; 0: none.
        images: whether frames are embedded, for variants that attend to the image instead of the sentence.
    """

    cache: bool
    splits: tuple[Literal["train", "dev", "val"], ...] = Field(min_length=1)
    texts: int = Field(ge=0)
    mask_draws: int = Field(ge=1)
    holes: int = Field(ge=0)
    images: bool
    mask_noise: MaskNoiseParams

    @model_validator(mode="after")
    def _draws_differ(self) -> Self:
        if self.mask_draws > 1 and self.mask_noise.share == 0:
            raise ValueError(f"mask_draws is {self.mask_draws}, but mask_noise.share is 0, so all draws would be equal")
        return self
