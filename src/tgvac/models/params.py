"""Parameters of backbones, conditions, motion modules and sampling."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tgvac.config import Block

Prediction = Literal["epsilon", "v"]

ENCODER_HEADS = 4
"""Attention heads of the small text and picture encoders."""


class StandinParams(Block):
    """Shapes of the small backbones that the workflow trains where no pretrained ones are used."""

    vae_channels: tuple[int, int, int]
    latent_channels: int = Field(ge=3)
    text_width: int = Field(ge=8)
    text_layers: int = Field(ge=1)
    text_tokens: int = Field(ge=8)
    unet_channels: tuple[int, ...] = Field(min_length=2)
    unet_layers: int = Field(ge=1)
    unet_heads: int = Field(ge=1)
    clip_width: int = Field(ge=8)
    clip_layers: int = Field(ge=1)
    clip_patch: int = Field(ge=2)
    norm_groups: int = Field(ge=1)
    vae_norm_groups: int = Field(ge=1)

    @model_validator(mode="after")
    def _layers_can_be_built(self) -> Self:
        for key, width, divisor, what in (
            *(("vae_channels", c, self.vae_norm_groups, "vae_norm_groups") for c in self.vae_channels),
            *(("unet_channels", c, self.norm_groups, "norm_groups") for c in self.unet_channels),
            *(("unet_channels", c, self.unet_heads, "unet_heads") for c in self.unet_channels),
            ("text_width", self.text_width, ENCODER_HEADS, "the encoder's heads"),
            ("clip_width", self.clip_width, ENCODER_HEADS, "the encoder's heads"),
        ):
            if width % divisor:
                raise ValueError(f"{key} has {width}, which {what} {divisor} does not divide")
        if min(self.vae_channels) < 8:
            raise ValueError(f"vae_channels has {min(self.vae_channels)}; colours are carried by 8 from the start")
        return self


class BackbonesParams(Block):
    """Where the frozen networks and the UNet's first weights come from."""

    origin: Literal["train", "fit", "shipped", "pretrained"]
    shipped: str = Field(min_length=1)
    stable_diffusion: str
    stable_diffusion_revision: str
    scoring_clip: str
    scoring_clip_revision: str
    seed: int
    vae_steps: int = Field(ge=1)
    unet_steps: int = Field(ge=1)
    clip_steps: int = Field(ge=1)
    unet_drop_text: float = Field(ge=0, lt=1)
    views: int = Field(ge=1)
    batch: int = Field(ge=1)
    lr: float = Field(gt=0)
    kl_weight: float = Field(ge=0)
    standin: StandinParams


class DiffusionParams(Block):
    """The noise schedule and how it is sampled."""

    train_steps: int = Field(ge=2)
    beta_schedule: Literal["scaled_linear", "linear"]
    beta_start: float = Field(gt=0, lt=1)
    beta_end: float = Field(gt=0, lt=1)
    sampling_steps: int = Field(ge=1)
    timestep_spacing: Literal["leading", "trailing"]
    prediction: Prediction
    zero_terminal_snr: bool
    eta: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _noise_grows(self) -> Self:
        if self.beta_start > self.beta_end:
            raise ValueError(f"beta_start {self.beta_start} is above beta_end {self.beta_end}")
        return self

    @model_validator(mode="after")
    def _steps_within(self) -> Self:
        # Leading steps are offset by one, so that all of them would reach one level too far.
        most = self.train_steps - (self.timestep_spacing == "leading")
        if self.sampling_steps > most:
            raise ValueError(f"sampling_steps {self.sampling_steps} exceed {most}, all that the schedule has")
        return self

    @model_validator(mode="after")
    def _start_has_signal(self) -> Self:
        if self.zero_terminal_snr and self.prediction == "epsilon":
            raise ValueError(
                "zero_terminal_snr with prediction epsilon has a last level where the noise tells nothing of the"
                " picture; take prediction v, or leave zero_terminal_snr off"
            )
        return self

    @model_validator(mode="after")
    def _first_step_has_direction(self) -> Self:
        # Fresh noise alone leads away from a level without signal at eta 1. What is left for the prediction is
        # 1 - a - std^2, which is 0 and, by the number of steps, may be rounded to less, whose root is no number.
        if self.zero_terminal_snr and self.eta == 1 and self._sampled_first == self.train_steps - 1:
            raise ValueError(
                f"zero_terminal_snr with eta {self.eta:g} has a first step of {self.sampling_steps} whose size is the"
                " root of a difference that may be rounded below 0; take an eta below 1, such as 0, or leave"
                " zero_terminal_snr off"
            )
        return self

    @property
    def _sampled_first(self) -> int:
        """The noisiest level that is sampled."""
        if self.timestep_spacing == "trailing":
            return self.train_steps - 1
        return (self.sampling_steps - 1) * (self.train_steps // self.sampling_steps) + 1

    @property
    def told(self) -> Prediction:
        """What losses and samplers are told: the noise, whatever the network predicts.

        Of a schedule whose last level is noise alone it is the velocity, since there the noise tells nothing.
        """
        return "v" if self.zero_terminal_snr else "epsilon"


class ConditionsParams(Block):
    """What the UNet is told, and how often it is not told in training."""

    mask: bool
    text: bool
    latents: Literal["unscaled", "scaled"]
    drop_text: float = Field(ge=0, le=1)
    drop_image: float = Field(ge=0, le=1)
    drop_both: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _rates_add_up(self) -> Self:
        if self.drop_text + self.drop_image + self.drop_both > 1:
            raise ValueError(
                f"drop_text {self.drop_text}, drop_image {self.drop_image} and drop_both {self.drop_both} add up to"
                " more than 1"
            )
        return self


class VariantParams(Block):
    """A training of its own: which conditions it differs in from the block ``conditions`` (paper, Table 3)."""

    mask: bool | None = None
    text: bool | None = None
    latents: Literal["unscaled", "scaled"] | None = None

    def of(self, conditions: ConditionsParams) -> ConditionsParams:
        """The conditions of this variant."""
        return conditions.model_copy(update=self.model_dump(exclude_none=True))


class FrameModelParams(Block):
    """What the frame model begins with.

    ``start``: a folder or a hub's name of a frame model of twelve channels in diffusers' layout, or of a video model,
    whose frame layers are taken; "": the backbones' UNet, widened.
    """

    start: str
    start_revision: str


class MotionModuleParams(Block):
    """The temporal modules.

    ``block``: ``paper`` has self-attention with relative positions, cross-attention to the text and a feed-forward;
    ``animatediff`` two self-attentions with sinusoidal positions and a feed-forward. ``max_frames`` is what
    sinusoidal positions are made for, ``max_distance`` the farthest relative one. ``start``: a folder or a hub's name
    of a ``MotionAdapter`` of diffusers, whose weights they begin with; "": at random, their output zero.
    """

    block: Literal["paper", "animatediff"]
    heads: int = Field(ge=1)
    max_frames: int = Field(ge=2)
    max_distance: int = Field(ge=1)
    norm: Literal["frame", "clip"]
    start: str
    start_revision: str

    @model_validator(mode="after")
    def _start_has_this_block(self) -> Self:
        if self.start and self.block != "animatediff":
            raise ValueError(
                f"start '{self.start}' holds modules of block 'animatediff', and block is '{self.block}'; set block to"
                " 'animatediff', or start to ''"
            )
        return self


class SamplerParams(Block):
    """Temporal diffusion and guidance."""

    clip_frames: int = Field(ge=1)
    hop: int = Field(ge=1)
    guidance: float = Field(ge=0)
    unconditional: Literal["text", "text_and_image"]
    batch_windows: int = Field(ge=1)

    @model_validator(mode="after")
    def _windows_meet(self) -> Self:
        if self.hop > self.clip_frames:
            raise ValueError(f"hop {self.hop} leaves frames out between windows of clip_frames {self.clip_frames}")
        return self


class ComputeParams(Block):
    """What must be pinned for results to be equal to the bit on CPU, and how GPUs multiply.

    Attributes:
        tf32: on a GPU, products of float32 (matrices and convolutions) are tf32.
    """

    threads: int = Field(ge=1)
    vae_batch: int = Field(ge=1)
    tf32: bool
