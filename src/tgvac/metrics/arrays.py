"""Checks shared by all metrics: a wrong dtype, or a mask of 0 and 1, must not give a plausible number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def check_frames(name: str, frames_FHW3: NDArray[Any]) -> NDArray[np.uint8]:
    """Return RGB frames, uint8 [F,H,W,3]; ValueError for any other shape or dtype, or for empty frames."""
    if frames_FHW3.dtype != np.uint8 or frames_FHW3.ndim != 4 or frames_FHW3.shape[-1] != 3:
        raise ValueError(f"{name} must be uint8 [F,H,W,3], not {frames_FHW3.dtype} {list(frames_FHW3.shape)}")
    if 0 in frames_FHW3.shape[1:3]:
        raise ValueError(f"{name} has frames without pixels: {list(frames_FHW3.shape)}")
    return frames_FHW3


def check_mask(name: str, mask_FHW: NDArray[Any]) -> NDArray[np.bool_]:
    """Return masks, uint8 [F,H,W] in {0,255}, as booleans; ValueError for any other shape, dtype or value.

    A mask of 0 and 1 is refused, because it is the most common sign of a mask in another format.
    """
    if mask_FHW.dtype != np.uint8 or mask_FHW.ndim != 3:
        raise ValueError(f"{name} must be uint8 [F,H,W], not {mask_FHW.dtype} {list(mask_FHW.shape)}")
    inside_FHW: NDArray[np.bool_] = mask_FHW == 255
    if not np.all(inside_FHW | (mask_FHW == 0)):
        raise ValueError(f"{name} must have the values 0 and 255 only; multiply a mask of 0 and 1 by 255")
    return inside_FHW


def check_same(**arrays: NDArray[Any]) -> None:
    """ValueError unless all named arrays have the same first three axes [F,H,W]: nothing is broadcast."""
    shapes = {name: array.shape[:3] for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
        raise ValueError(f"frames, height and width differ: {listed}")
