"""A tiny inpainting model, params of the baseline, and squares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.unit.tiny_models import CPU, DIFFUSION, SAMPLER, backbones, randomised, unet_4
from tgvac.models.backbones import freeze
from tgvac.models.frame_unet import extend_conv_in
from tgvac.models.layouts import INPAINT
from tgvac.models.noise_models import NoiseModel, frame_noise_model
from tgvac.progressive.canvas import Square
from tgvac.progressive.mixed_context import MixedContext
from tgvac.progressive.params import ProgressiveParams
from tgvac.progressive.removal import removal_of

PARAMS = ProgressiveParams(
    revision="main",
    size=32,
    iterations=3,
    margin=60.0,
    touched_margin=60.0,
    gap=10.0,
    grow=6.0,
    canvas=6.0,
    grey=128,
    removal="telea",
    telea_radius=3.0,
    lama="",
    swap=0.7,
    block=1,
    clusters=4,
    cluster_share=0.2,
    reencode=True,
    amodal="clusters",
    near=0.25,
    near_share=0.75,
    batch=4,
)


def unet_9(seed: int = 0) -> Any:
    """An inpainting network whose condition channels matter."""
    unet = extend_conv_in(unet_4(seed), INPAINT)
    randomised(unet.conv_in, seed)
    return freeze(unet)


def painter(unet: Any = None, model: NoiseModel | None = None, steps: int = 4, **params: Any) -> MixedContext:
    """Mixed context sampling with tiny networks, without guidance levels left out."""
    unet = unet or unet_9()
    sampler = SAMPLER.model_copy(update={"steps": steps})
    block = PARAMS.model_copy(update=params)
    remove = removal_of(block, Path(), CPU)
    return MixedContext(unet, model or frame_noise_model(unet), backbones(), DIFFUSION, sampler, block, remove, 4, CPU)


def square(size: int = 32, seed: int = 0) -> Square:
    """A noisy picture; the object is in its middle, and its right half is hidden."""
    draw = np.random.Generator(np.random.PCG64(seed))
    picture_SS3 = draw.integers(0, 256, (size, size, 3), np.uint8)
    object_SS, hole_SS = np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)
    object_SS[size // 4 : -size // 4, size // 4 : size // 2] = 255
    hole_SS[size // 4 : -size // 4, size // 2 : -size // 8] = 255
    return Square(picture_SS3, object_SS, hole_SS)
