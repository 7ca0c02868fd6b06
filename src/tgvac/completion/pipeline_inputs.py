"""What people give the pipeline, checked before anything is computed, and converted where its meaning is plain."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from tgvac.clips.mask_values import mask_of_array, mask_of_image
from tgvac.clips.pictures import rgb_of
from tgvac.errors import BadInput


def frames_of(given: Any) -> np.ndarray:
    """A video as ``uint8 [F,H,W,3]``.

    Args:
        given: PIL images, arrays or tensors: a list of frames, one frame, or all in one; channels last or, of
            tensors, first; ``uint8``, or floats in [0, 1].

    Raises:
        BadInput: when it is none of these.
    """
    array = _array(given, "frames", "RGB")
    if array.ndim == 3:
        array = array[None]
    if array.ndim == 4 and array.shape[-1] != 3 and array.shape[1] == 3:
        array = array.transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[-1] != 3:
        raise BadInput(f"The frames are {_shape(array)}; give RGB frames, uint8 [F,H,W,3], or a list of PIL images.")
    if 0 in array.shape:
        raise BadInput(f"The frames are {_shape(array)}, so there is no pixel; give at least one frame.")
    return np.ascontiguousarray(_levels(array))


def masks_of(given: Any, frames_FHW3: np.ndarray) -> np.ndarray:
    """Visible masks as ``uint8 [F,H,W]`` in {0, 255}, one a frame.

    Args:
        given: PIL images, arrays or tensors: boolean, 0 and 1, 0 and 255, or soft, which is cut at half.

    Raises:
        BadInput: when their number, size or values do not fit.
    """
    array = _array(given, "masks", "L")
    frames, height, width = frames_FHW3.shape[:3]
    if array.ndim == 4 and 1 in (array.shape[1], array.shape[-1]):
        array = array[..., 0] if array.shape[-1] == 1 else array[:, 0]
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.shape[1:] != (height, width):
        raise BadInput(f"The masks are {_shape(array)}, the frames {width}x{height}; give masks [F,H,W] of their size.")
    if len(array) != frames:
        raise BadInput(f"There are {len(array)} masks for {frames} frames; give one mask a frame.")
    return mask_of_array(array, "The masks")


def check_call(
    prompt: Any, seed: Any, num_inference_steps: Any = None, guidance_scale: Any = None, stride: Any = None
) -> None:
    """Check the other arguments of a call.

    Raises:
        BadInput: names the first that is wrong.
    """
    if not isinstance(prompt, str):
        raise BadInput(f"prompt is {prompt!r}, not a text; give a sentence, or '' for none.")
    if not _is_whole(seed):
        raise BadInput(f"seed is {seed!r}, not a whole number; give one, such as 0.")
    for name, value in (("num_inference_steps", num_inference_steps), ("stride", stride)):
        if value is not None and (not _is_whole(value) or value < 1):
            raise BadInput(f"{name} is {value!r}; give a whole number of at least 1.")
    if guidance_scale is not None and not (
        isinstance(guidance_scale, numbers.Real) and 0 <= float(guidance_scale) < float("inf")
    ):
        raise BadInput(f"guidance_scale is {guidance_scale!r}; give a number of at least 0, such as 7.5.")


def _is_whole(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _array(given: Any, what: str, mode: str) -> np.ndarray:
    """One array of everything that is given."""
    if isinstance(given, Image.Image):
        given = [given]
    if isinstance(given, torch.Tensor):
        return given.detach().cpu().float().numpy() if given.is_floating_point() else given.detach().cpu().numpy()
    if isinstance(given, np.ndarray):
        return given
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise BadInput(f"The {what} are {type(given).__name__}; give a list of PIL images, an array or a tensor.")
    parts = [
        _of_picture(each, what, mode) if isinstance(each, Image.Image) else _array(each, what, mode) for each in given
    ]
    sizes = sorted({part.shape for part in parts})
    if len(sizes) > 1:
        raise BadInput(f"The {what} have different shapes, {sizes[0]} and {sizes[1]}; all must have the same size.")
    return np.stack(parts)


def _of_picture(picture: Image.Image, what: str, mode: str) -> np.ndarray:
    """A PIL image by the rules for files: what a mask means, 16 bits, orientation."""
    name = f"One of the {what}"
    return mask_of_image(picture, name)[0] if mode == "L" else rgb_of(picture, name)[0]


def _levels(array: np.ndarray) -> np.ndarray:
    """Levels as ``uint8``."""
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_ or not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise BadInput(f"The frames are {array.dtype}; give uint8, or floats in [0, 1].")
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise BadInput("The frames have numbers that are not finite; give uint8, or floats in [0, 1].")
    if np.issubdtype(array.dtype, np.floating) and low >= 0 and high <= 1:
        return np.asarray(np.round(array * 255), np.uint8)
    if np.issubdtype(array.dtype, np.integer) and low >= 0 and high <= 255:
        return array.astype(np.uint8)
    raise BadInput(f"The frames are {array.dtype} from {low:g} to {high:g}; give uint8, or floats in [0, 1].")


def _shape(array: np.ndarray) -> str:
    return f"{array.dtype} {list(array.shape)}"
