"""Trained models, from the folder of their run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.motion_unet import load_inflated
from tgvac.models.whole import check_whole

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel, UNetMotionModel


def load_frame_unet(folder: Path) -> UNet2DConditionModel:
    """The 12-channel frame model of a run."""
    from diffusers import UNet2DConditionModel

    check_whole(folder, "unet")
    return UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32, use_safetensors=True)


def load_video_unet(folder: Path, params: MotionModuleParams) -> UNetMotionModel:
    """The video model of a run, with the block and the normalisation of its params."""
    check_whole(folder, "unet")
    return load_inflated(folder / "unet", params)
