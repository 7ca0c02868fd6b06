"""Loads trained models from the folder of their run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tgvac.models.motion_params import MotionModuleParams
from tgvac.models.motion_unet import load_inflated
from tgvac.models.whole import check_whole

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel, UNetMotionModel


def load_frame_unet(folder: Path, part: str = "unet") -> UNet2DConditionModel:
    """Load the frame model of a run, or of another folder with an index, in fp32.

    Args:
        part: its subfolder.

    Raises:
        BadInput: when a file is not as the folder's index says.
    """
    from diffusers import UNet2DConditionModel

    check_whole(folder, part)
    return UNet2DConditionModel.from_pretrained(folder / part, torch_dtype=torch.float32, use_safetensors=True)


def load_video_unet(folder: Path, params: MotionModuleParams) -> UNetMotionModel:
    """Load the video model of a run, with the block and normalisation of its params, in evaluation mode.

    Raises:
        BadInput: when a file is not as the run's index says, or the weights do not fit the params.
    """
    check_whole(folder, "unet")
    return load_inflated(folder / "unet", params)
