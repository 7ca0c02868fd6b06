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
from tgvac.completion.pipeline_outputs import OUTPUT_TYPES
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
    prompt: Any,
    negative_prompt: Any = None,
    seed: Any = None,
    generator: Any = None,
    *,
    num_inference_steps: Any = None,
    guidance_scale: Any = None,
    clip_length: Any = None,
    stride: Any = None,
    fast: Any = False,
    output_type: Any = "np",
) -> None:
    """Check the other arguments of a call.

    Raises:
        BadInput: names the first that is wrong.
    """
    if not isinstance(prompt, str):
        raise BadInput(f"prompt is {prompt!r}, not a text; give a sentence, or '' for none.")
    if not isinstance(negative_prompt, str | None):
        raise BadInput(f"negative_prompt is {negative_prompt!r}, not a text; give a sentence, or None.")
    _check_seed(seed, generator)
    for name, value in (("num_inference_steps", num_inference_steps), ("clip_length", clip_length), ("stride", stride)):
        if value is not None and (not _is_whole(value) or value < 1):
            raise BadInput(f"{name} is {value!r}; give a whole number of at least 1.")
    if guidance_scale is not None and not (_is_real(guidance_scale) and 0 <= float(guidance_scale) < float("inf")):
        raise BadInput(f"guidance_scale is {guidance_scale!r}; give a number of at least 0, such as 7.5.")
    if not isinstance(fast, bool | np.bool_):
        raise BadInput(f"fast is {fast!r}; give True or False.")
    if output_type not in OUTPUT_TYPES:
        raise BadInput(f"output_type is {output_type!r}; give one of {', '.join(OUTPUT_TYPES)}.")


def _check_seed(seed: Any, generator: Any) -> None:
    if seed is not None and not _is_whole(seed):
        raise BadInput(f"seed is {seed!r}, not a whole number; give one, such as 0.")
    if generator is None:
        return
    if isinstance(generator, list | tuple):
        raise BadInput(
            f"generator is a {type(generator).__name__}, and a call completes one video; give one generator."
        )
    if not isinstance(generator, torch.Generator):
        raise BadInput(f"generator is {generator!r}; give a torch.Generator, or a whole number as seed.")
    if seed is not None:
        raise BadInput(f"Both seed {seed} and a generator are given; give one of them.")


def seed_of_call(seed: int | None, generator: torch.Generator | None) -> int:
    """The seed of a call's noise; 0 if nothing is given.

    A generator gives one number. Drawing all noise from it would make a frame's noise depend on the frames before it.
    """
    if generator is None:
        return int(seed or 0)
    return int(torch.randint(2**63 - 1, (1,), generator=generator, device=generator.device))


def check_callback(callback: Any, tensor_inputs: Any, known: Sequence[str]) -> Sequence[str]:
    """Check the function that is called after each step; returns the names of the tensors that it is given.

    Raises:
        BadInput: when it cannot be called, or a name is unknown.
    """
    if callback is not None and not callable(callback):
        raise BadInput(f"callback_on_step_end is {callback!r}; give a function of (pipe, step, timestep, kwargs).")
    # Callbacks that are classes of diffusers name what they need themselves.
    names = getattr(callback, "tensor_inputs", tensor_inputs)
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise BadInput(f"callback_on_step_end_tensor_inputs is {names!r}; give a list, such as ['latents'].")
    if unknown := [name for name in names if name not in known]:
        raise BadInput(
            f"callback_on_step_end_tensor_inputs names {unknown[0]!r}, which the pipeline does not pass on; known are:"
            f" {', '.join(known)}."
        )
    return names


def _is_real(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


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
