"""What the pipeline returns, by ``output_type``. For ``np`` it is a :class:`tgvac.clips.completion.Completion`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from tgvac.clips.completion import Completion

# Shapes: F frames, H height, W width of the video, c latent channels, h, w latents.

OutputType = Literal["np", "pil", "pt", "latent"]
OUTPUT_TYPES: tuple[OutputType, ...] = ("np", "pil", "pt", "latent")


@dataclass(frozen=True)
class CompletedImages:
    """A completion as PIL images, one a frame.

    Attributes:
        rgb: the object on white.
        amodal: the amodal mask, mode ``L``, 0 or 255.
    """

    rgb: list[Image.Image]
    amodal: list[Image.Image]

    @property
    def rgba(self) -> list[Image.Image]:
        """The object as a layer with straight alpha."""
        layers = [picture.copy() for picture in self.rgb]
        for layer, alpha in zip(layers, self.amodal, strict=True):
            layer.putalpha(alpha)
        return layers


@dataclass(frozen=True)
class CompletedTensors:
    """A completion as tensors on the CPU, in [0, 1], channels first.

    Attributes:
        rgb_F3HW: the object on white, ``float32``, a multiple of 1/255.
        amodal_F1HW: the amodal mask, ``float32``, 0 or 1.
    """

    rgb_F3HW: torch.Tensor
    amodal_F1HW: torch.Tensor

    @property
    def rgba_F4HW(self) -> torch.Tensor:
        """The object as a layer with straight alpha."""
        return torch.cat([self.rgb_F3HW, self.amodal_F1HW], dim=1)


@dataclass(frozen=True)
class CompletedLatents:
    """What was sampled, not decoded.

    Attributes:
        latents_Fchw: ``float32`` on the CPU, of the squares that the model sees, multiplied by the ``scaling_factor``
            of the autoencoder.
    """

    latents_Fchw: torch.Tensor


Output = Completion | CompletedImages | CompletedTensors | CompletedLatents


def as_images(done: Completion) -> CompletedImages:
    return CompletedImages(
        [Image.fromarray(rgb_HW3) for rgb_HW3 in done.rgb_FHW3], [Image.fromarray(mask) for mask in done.amodal_FHW]
    )


def as_tensors(done: Completion) -> CompletedTensors:
    return CompletedTensors(_unit(done.rgb_FHW3).permute(0, 3, 1, 2).contiguous(), _unit(done.amodal_FHW)[:, None])


def _unit(levels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(levels).float() / 255


def as_tuple(output: Output) -> tuple[Any, ...]:
    """The fields in order, for ``return_dict=False``."""
    return tuple(getattr(output, field.name) for field in fields(output))
