"""Takes an object and its occluders out of a picture: the background of the later steps.

Telea's method (2004) needs no weights and continues what is around; LaMa (Suvorov et al. 2022), which the authors use,
paints textures, and is loaded where its TorchScript file is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from tgvac.errors import BadInput
from tgvac.masks.opencv import one_thread
from tgvac.models.latents import to_images
from tgvac.progressive.params import ProgressiveParams

Removal = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""A picture ``uint8 [S,S,3]`` and a mask ``uint8 [S,S]`` in {0, 255} of what goes, to the picture without it."""

_MULTIPLE = 8
"""LaMa takes sides of a multiple of this."""


def removal_of(params: ProgressiveParams, root: Path, device: torch.device) -> Removal:
    """The removal that the params name.

    Raises:
        BadInput: when LaMa's file is not there or cannot be read.
    """
    if params.removal == "telea":
        return lambda picture_SS3, mask_SS: telea(picture_SS3, mask_SS, params.telea_radius, params.grey)
    return _lama(root / params.lama, params.lama, device)


def telea(picture_SS3: np.ndarray, mask_SS: np.ndarray, radius: float, grey: int) -> np.ndarray:
    """Fills a mask from its outline inwards; where nothing is outside of it, the picture becomes grey."""
    if mask_SS.all():
        return np.full_like(picture_SS3, grey)
    with one_thread():
        return np.asarray(cv2.inpaint(np.ascontiguousarray(picture_SS3), mask_SS, radius, cv2.INPAINT_TELEA))


def _lama(path: Path, named: str, device: torch.device) -> Removal:
    if not named or not path.is_file():
        raise BadInput(
            f"progressive.lama '{named}' is not a file; name LaMa's TorchScript file (big-lama.pt of"
            " simple-lama-inpainting), or set progressive.removal to telea, which needs no weights."
        )
    try:
        with warnings.catch_warnings():
            # Torch calls TorchScript deprecated; the published file is of no other format.
            warnings.simplefilter("ignore")
            load: Any = torch.jit.load
            network = load(path, map_location=device).eval()
    except RuntimeError as error:
        first = next(iter(str(error).splitlines()), "")
        raise BadInput(f"progressive.lama '{named}' is no TorchScript file ({first}); fetch it again.") from None

    def remove(picture_SS3: np.ndarray, mask_SS: np.ndarray) -> np.ndarray:
        size = len(mask_SS)
        if size % _MULTIPLE:
            raise BadInput(f"progressive.size {size} is not a multiple of {_MULTIPLE}, as LaMa needs it; change it.")
        image = torch.from_numpy(picture_SS3.copy()).permute(2, 0, 1)[None].float().to(device) / 255
        mask = torch.from_numpy((mask_SS > 0).astype(np.float32))[None, None].to(device)
        with torch.no_grad():
            found: torch.Tensor = network(image, mask)
        # From [0, 1], which LaMa paints in, to [-1, 1].
        return np.asarray(to_images(found.float() * 2 - 1)[0])

    return remove
