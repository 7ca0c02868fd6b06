"""Trained models, from the folder of their run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tgvac.errors import BadInput
from tgvac.models.motion_unet import apply_norm
from tgvac.models.params import MotionModuleParams
from tgvac.shards import read_index

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel, UNetMotionModel


def check_folder(folder: Path) -> None:
    """Refuse a folder of trained weights that is not as its index says."""
    for entry in read_index(folder / "index.json").values():
        path = folder / entry.file
        if not path.is_file() or path.stat().st_size != entry.bytes:
            raise BadInput(f"{path} is missing or not whole; delete {folder / 'index.json'} and train again.")


def load_frame_unet(folder: Path) -> UNet2DConditionModel:
    """The 12-channel frame model of a run."""
    from diffusers import UNet2DConditionModel

    check_folder(folder)
    return UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32, use_safetensors=True)


def load_video_unet(folder: Path, params: MotionModuleParams) -> UNetMotionModel:
    """The video model of a run, with the normalisation of its params."""
    from diffusers import UNetMotionModel

    check_folder(folder)
    return apply_norm(
        UNetMotionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32, use_safetensors=True), params
    )
