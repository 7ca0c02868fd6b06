"""Parameters of the frozen networks: where they come from, and the shapes of the small stand-ins."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tgvac.config import Block

IMAGE_ENCODER = "image_encoder"
"""The folder, among the backbones, of the network that embeds images for variants that attend to them."""

ENCODER_HEADS = 4
"""Attention heads of the small text and image encoders."""


class StandinParams(Block):
    """Shapes of the small backbones that the workflow trains when it uses no pretrained ones."""

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
            raise ValueError(f"vae_channels has {min(self.vae_channels)}; each level needs at least 8 for the colours")
        return self


class BackbonesParams(Block):
    """Where the frozen networks and the UNet's first weights come from.

    Attributes:
        renew: of origin ``shipped``, the parts that are trained here instead of copied; no other part depends on them.
    """

    origin: Literal["train", "fit", "shipped", "pretrained"]
    shipped: str = Field(min_length=1)
    renew: tuple[Literal["scoring_clip", "image_encoder"], ...]
    stable_diffusion: str
    stable_diffusion_revision: str
    variant: str
    scoring_clip: str
    scoring_clip_revision: str
    seed: int
    vae_steps: int = Field(ge=1)
    unet_steps: int = Field(ge=1)
    clip_steps: int = Field(ge=1)
    image_steps: int = Field(ge=0)
    unet_drop_text: float = Field(ge=0, lt=1)
    views: int = Field(ge=1)
    batch: int = Field(ge=1)
    lr: float = Field(gt=0)
    kl_weight: float = Field(ge=0)
    standin: StandinParams

    @model_validator(mode="after")
    def _renewed_are_shipped(self) -> Self:
        if self.renew and self.origin != "shipped":
            raise ValueError(f"renew names {', '.join(self.renew)}, but origin is '{self.origin}', not shipped")
        if IMAGE_ENCODER in self.renew and not self.image_steps:
            raise ValueError(f"renew names {IMAGE_ENCODER}, but image_steps is 0")
        return self
