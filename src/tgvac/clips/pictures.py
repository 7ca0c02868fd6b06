"""Pictures as people have them: turned as their metadata says, 16 bits scaled to 8, and what is lost said.

The project's own files are read by :mod:`tgvac.clips.images`.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

from tgvac.errors import BadInput

_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
"""Suffixes of pictures that are frames, in lower case."""


def read_picture(data: bytes, name: str) -> tuple[np.ndarray, str]:
    """Decode a picture of a user, ``uint8 [H,W,3]``, and a sentence on what was changed ("" for nothing).

    Args:
        name: used in messages.

    Raises:
        BadInput: when it is not readable, or has numbers that are no levels of a picture.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            orientation = image.getexif().get(0x0112, 1)
            if orientation == 1 and image.mode == "RGB":
                return np.asarray(image), ""
            turned = ImageOps.exif_transpose(image)
            pixels_HW3, said = _rgb(turned, name)
    except BadInput:
        raise
    except _UNREADABLE as error:
        raise BadInput(f"{name} is not a readable image ({error}); replace it with an intact copy.") from None
    if orientation not in (0, 1):
        said = f"{said}, and turned by EXIF" if said else "turned by EXIF"
    return pixels_HW3, said


def _rgb(image: Image.Image, name: str) -> tuple[np.ndarray, str]:
    if image.mode.startswith(("I", "F")):
        return _deep(np.asarray(image), name)
    alpha = "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info
    if not alpha:
        return np.asarray(image.convert("RGB")), ""
    rgba_HW4 = np.asarray(image.convert("RGBA"))
    opaque = bool((rgba_HW4[..., 3] == 255).all())
    return np.ascontiguousarray(rgba_HW4[..., :3]), "" if opaque else "transparency dropped"


def _deep(values_HW: np.ndarray, name: str) -> tuple[np.ndarray, str]:
    """Grey of 16 bits, or of floats, as RGB; Pillow itself would clip it to white."""
    low, high = float(values_HW.min()), float(values_HW.max())
    if low < 0 or not np.isfinite(high) or high > 65535:
        raise BadInput(f"{name} has levels from {low:g} to {high:g}; save pictures of 8 or 16 bits.")
    if np.issubdtype(values_HW.dtype, np.floating) and high <= 1:
        grey_HW, said = np.round(values_HW * 255), "fractions scaled to 8 bits"
    elif np.issubdtype(values_HW.dtype, np.floating) and high <= 255:
        grey_HW, said = np.round(values_HW), ""
    else:
        # By the file's depth and not by its brightest level, which differs from frame to frame.
        grey_HW, said = np.floor(values_HW / 256), "16 bits scaled to 8"
    return np.repeat(grey_HW.astype(np.uint8)[..., None], 3, axis=-1), said
