"""Parameters that all noise models share: schedule, conditions, and computing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tgvac.config import Block, nearest
from tgvac.models.layouts import LAYOUTS

Prediction = Literal["epsilon", "v"]

DROPS: Mapping[str, frozenset[str]] = {
    "drop_text": frozenset({"text"}),
    "drop_both": frozenset({"text", "frame", "mask"}),
    "drop_image": frozenset({"frame", "mask"}),
    "drop_mask": frozenset({"mask"}),
    "drop_mask_and_text": frozenset({"mask", "text"}),
}
"""The conditions that each rate of the params drops. One draw decides for all, in this order."""


class DiffusionParams(Block):
    """The noise schedule, and what networks predict. The block ``sampler`` has the parameters of sampling."""

    train_steps: int = Field(ge=2)
    beta_schedule: Literal["scaled_linear", "linear"]
    beta_start: float = Field(gt=0, lt=1)
    beta_end: float = Field(gt=0, lt=1)
    prediction: Prediction
    zero_terminal_snr: bool

    @model_validator(mode="after")
    def _noise_grows(self) -> Self:
        if self.beta_start > self.beta_end:
            raise ValueError(f"beta_start {self.beta_start} is above beta_end {self.beta_end}")
        return self

    @model_validator(mode="after")
    def _last_level_has_signal(self) -> Self:
        if self.zero_terminal_snr and self.prediction == "epsilon":
            raise ValueError(
                "zero_terminal_snr with prediction epsilon has a last level where the noise says nothing about the"
                " image; set prediction to v, or zero_terminal_snr to false"
            )
        return self

    @property
    def target(self) -> Prediction:
        """What noise models return and losses compare: the noise, whatever the network predicts.

        With zero terminal SNR it is the velocity, since the noise says nothing about the image at the last level.
        """
        return "v" if self.zero_terminal_snr else "epsilon"


class ConditionsParams(Block):
    """The UNet's conditions, and how often training drops them.

    Attributes:
        layout: name of the layout of input channels (:mod:`tgvac.models.layouts`).
        attends: what cross-attention attends to, the sentence or the embedding of the frame.
        mask, text: whether the UNet gets the visible mask and the sentence.
        latents: whether the latents of frame and mask are scaled as the noised ones are.
        drop_text, drop_image, drop_both: probabilities of dropping the sentence, of dropping frame and mask, and of
            dropping all three.
        drop_mask, drop_mask_and_text: probabilities of dropping the mask alone, and the mask with the sentence; the
            frame stays.
    """

    layout: str
    attends: Literal["text", "image"]
    mask: bool
    text: bool
    latents: Literal["unscaled", "scaled"]
    drop_text: float = Field(ge=0, le=1)
    drop_image: float = Field(ge=0, le=1)
    drop_both: float = Field(ge=0, le=1)
    drop_mask: float = Field(ge=0, le=1)
    drop_mask_and_text: float = Field(ge=0, le=1)

    @property
    def of_the_paper(self) -> bool:
        """Whether the model completes an object from frame, mask and sentence, and is no stand-in of a baseline's."""
        return not LAYOUTS[self.layout].has_holes and self.attends == "text"

    @field_validator("layout")
    @classmethod
    def _layout_is_known(cls, name: str) -> str:
        if name not in LAYOUTS:
            raise ValueError(f"layout '{name}' is unknown; {nearest(name, list(LAYOUTS))}")
        return name

    @model_validator(mode="after")
    def _rates_add_up(self) -> Self:
        rates = {key: float(getattr(self, key)) for key in DROPS}
        # Rates such as 0.3, 0.3 and 0.4 may add up to a last digit more than 1.
        if sum(rates.values()) > 1 + 1e-9:
            named = ", ".join(f"{key} {rate:g}" for key, rate in rates.items() if rate)
            raise ValueError(f"the rates of dropped conditions add up to more than 1: {named}; lower them")
        return self


class VariantParams(Block):
    """In what a variant differs from the blocks ``conditions`` (paper, Table 3) and ``frame_model``.

    Attributes:
        start: in place of ``frame_model.start``.
        after: the variant of this scale whose frame model, of the same seed, it starts from; in place of ``start``.
        steps: of both trainings, in place of their own; 0 leaves the weights as they start.
        motion_steps: of the motion training, in place of ``steps``.
    """

    layout: str | None = None
    attends: Literal["text", "image"] | None = None
    mask: bool | None = None
    text: bool | None = None
    latents: Literal["unscaled", "scaled"] | None = None
    drop_text: float | None = None
    drop_image: float | None = None
    drop_both: float | None = None
    drop_mask: float | None = None
    drop_mask_and_text: float | None = None
    start: str | None = None
    after: str | None = None
    steps: int | None = Field(default=None, ge=0)
    motion_steps: int | None = Field(default=None, ge=0)

    def steps_of(self, phase: str) -> int | None:
        """Steps of the training of ``frame`` or ``motion``; None for the training's own."""
        return self.steps if phase == "frame" or self.motion_steps is None else self.motion_steps

    def of(self, conditions: ConditionsParams) -> ConditionsParams:
        """The block ``conditions`` with this variant's changes.

        Raises:
            ValueError: when its layout is unknown, or its rates add up to more than 1.
        """
        return ConditionsParams(
            **(
                conditions.model_dump()
                | self.model_dump(exclude_none=True, exclude={"start", "after", "steps", "motion_steps"})
            )
        )


class ComputeParams(Block):
    """Settings that the bits of results depend on.

    Attributes:
        threads: of torch on a CPU.
        vae_batch: images that go through the autoencoder at once.
        tf32: whether a GPU computes float32 matrix products and convolutions in TF32.
    """

    threads: int = Field(ge=1)
    vae_batch: int = Field(ge=1)
    tf32: bool
