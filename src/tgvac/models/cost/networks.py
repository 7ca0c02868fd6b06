"""A scale's networks on ``meta``: the classes and shapes of the run, without weights."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from tgvac.config import nearest
from tgvac.errors import BadInput
from tgvac.models.backbones_params import BackbonesParams
from tgvac.models.cost.published import CLIP, STABLE_DIFFUSION
from tgvac.models.cost.walk import META, Loss
from tgvac.models.frame_unet import extend_conv_in
from tgvac.models.layouts import FRAME_MASK, ChannelLayout
from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.motion_unet import inflate
from tgvac.models.noise_models import NoiseModel, frame_noise_model, video_noise_model
from tgvac.models.runtime import quiet
from tgvac.models.small_networks import build_clip, build_text_encoder, build_unet, build_vae

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel, UNetMotionModel
    from transformers import CLIPModel, CLIPTextModel

# Shapes: B clips, F frames, c latent channels, h latents' side, S the model's square, N tokens, D text width.

_STANDIN_WORDS = 1000
"""Vocabulary size of stand-ins. The real one depends on the texts, but a lookup costs no FLOPs."""


def empty(*shape: int) -> torch.Tensor:
    """An empty ``float32`` tensor on ``meta``."""
    return torch.empty(shape, device=META)


@dataclass(frozen=True)
class Networks:
    """The networks of a scale, each built at its first use.

    Attributes:
        folder: the scale's finished backbones, or the stand-ins it uses; None if there are none yet.
        size: the side S of the model's square in pixels.
        layout: of the frame model's input channels.
    """

    backbones: BackbonesParams
    motion_module: MotionModuleParams
    size: int
    folder: Path | None = None
    layout: ChannelLayout = FRAME_MASK

    @property
    def origin(self) -> str:
        """Where the shapes come from, for tables."""
        if self.folder is not None:
            return f"the networks in {self.folder}"
        if self.backbones.origin == "pretrained":
            return f"published shapes of {self.backbones.stable_diffusion} and {self.backbones.scoring_clip}"
        return "stand-ins of backbones.standin"

    @cached_property
    def frame_unet(self) -> UNet2DConditionModel:
        """The frame model, with the layout's input channels."""
        from diffusers import UNet2DConditionModel

        with META:
            if self.folder is None and self._trained:
                return extend_conv_in(build_unet(self.backbones.standin, 0), self.layout)
            return extend_conv_in(UNet2DConditionModel.from_config(self._config("unet")), self.layout)

    @cached_property
    def video_unet(self) -> UNetMotionModel:
        """The video model as it is trained, its frame layers frozen."""
        quiet()
        with META:
            # Copied, since the video model shares the frame model's config.
            return inflate(copy.deepcopy(self.frame_unet), self.motion_module)

    @cached_property
    def vae(self) -> AutoencoderKL:
        from diffusers import AutoencoderKL

        with META:
            if self.folder is None and self._trained:
                return build_vae(self.backbones.standin, 0)
            return AutoencoderKL.from_config(self._config("vae"))

    @cached_property
    def text_encoder(self) -> CLIPTextModel:
        from transformers import CLIPTextConfig, CLIPTextModel

        with META:
            if self.folder is None and self._trained:
                return build_text_encoder(self.backbones.standin, _STANDIN_WORDS, 0)
            return CLIPTextModel(CLIPTextConfig(**self._config("text_encoder")))

    @cached_property
    def scoring_clip(self) -> CLIPModel:
        from transformers import CLIPConfig, CLIPModel

        with META:
            if self.folder is None and self._trained:
                return build_clip(self.backbones.standin, _STANDIN_WORDS, self.size, 0)[0]
            return CLIPModel(CLIPConfig(**self._config("scoring_clip")))

    @property
    def latent(self) -> tuple[int, int]:
        """Channels c and side h of the latents."""
        config = self.vae.config
        return int(config.latent_channels), self.size // 2 ** (len(config.block_out_channels) - 1)

    @property
    def _trained(self) -> bool:
        return self.backbones.origin != "pretrained"

    def _config(self, part: str) -> dict[str, Any]:
        """The config of one part: from the folder, or as published."""
        if self.folder is not None:
            return _read(self.folder / part / "config.json")
        key, known = ("scoring_clip", CLIP) if part == "scoring_clip" else ("stable_diffusion", STABLE_DIFFUSION)
        name = getattr(self.backbones, key)
        local = Path(name) if part == "scoring_clip" else Path(name) / part
        if (local / "config.json").is_file():
            return _read(local / "config.json")
        if name not in known:
            raise BadInput(
                f"The shapes of backbones.{key} '{name}' are not known before it is fetched; run `tgvac stage"
                f" backbones` first, or name a known one: {nearest(name, list(known))}"
            )
        published: dict[str, Any] = known[name] if part == "scoring_clip" else known[name][part]
        return published

    def noise_input(self, batch: int, frames: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The input of a noise model of clips: ``[B,C,F,h,h]``, ``[B]``, ``[B,N,D]``."""
        channels, side = self.latent
        config = self.text_encoder.config
        return (
            empty(batch, self.layout.channels(channels), frames, side, side),
            torch.empty(batch, dtype=torch.long, device=META),
            empty(batch, config.max_position_embeddings, config.hidden_size),
        )

    def noise_model(self, stage: str) -> NoiseModel:
        """The noise model of ``frame`` or ``motion``."""
        return frame_noise_model(self.frame_unet) if stage == "frame" else video_noise_model(self.video_unet)

    def noise_loss(self, stage: str, batch: int, frames: int) -> Loss:
        """The loss of one training step of a stage."""
        model = self.noise_model(stage)
        channels, side = self.latent
        self.noise_input(batch, frames)  # builds the networks it needs now, not in the first walk

        def loss() -> torch.Tensor:
            predicted = model(*self.noise_input(batch, frames))
            return functional.mse_loss(predicted.float(), empty(batch, channels, frames, side, side))

        return loss


def _read(path: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return config
