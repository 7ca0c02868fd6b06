"""Pictures as people have them: turned as their metadata says, 16 bits scaled to 8, and what is lost said.

The project's own files are read by :mod:`tgvac.clips.images`.
"""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image

from tgvac.errors import BadInput

UNREADABLE = (
    *(OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, struct.error),
    Image.DecompressionBombError,
)
"""What Pillow raises on damaged files, and on damaged metadata."""

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
"""Suffixes of pictures that are frames, in lower case."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What shows a picture of each orientation of EXIF upright."""


def orientation_of(image: Image.Image) -> int:
    """The orientation of EXIF, 1 to 8; 1 where it does not say, or is damaged."""
    try:
        found = image.getexif().get(0x0112, 1)
    except UNREADABLE:
        return 1
    return found if found in _TURNS else 1


def upright(image: Image.Image) -> Image.Image:
    """A picture turned and mirrored as its EXIF says. The EXIF is not written again, since it may be damaged."""
    turn = _TURNS.get(orientation_of(image))
    return image if turn is None else image.transpose(turn)


def read_picture(data: bytes, name: str) -> tuple[np.ndarray, str]:
    """Decode a picture of a user, ``uint8 [H,W,3]``, and a sentence on what was changed ("" for nothing).

    Args:
        name: used in messages.

    Raises:
        BadInput: when it is not readable, or has numbers that are no levels of a picture.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            return rgb_of(image, name)
    except BadInput:
        raise
    except UNREADABLE as error:
        raise BadInput(
            f"{name} is not a readable image ({error}); "
            # Pillow reads no TIFF of several floats a pixel.
            + (
                "save TIFF with 8 or 16 bits a channel (of floats, one channel alone is read), or "
                if data[:4] in (b"II*\0", b"MM\0*")
                else ""
            )
            + "replace it with an intact copy."
        ) from None


def rgb_of(image: Image.Image, name: str) -> tuple[np.ndarray, str]:
    """An opened picture as :func:`read_picture` decodes it."""
    turned = orientation_of(image) != 1
    pixels_HW3, said = _rgb(upright(image), name)
    return pixels_HW3, "; ".join(each for each in (said, "turned by EXIF" if turned else "") if each)


def _rgb(image: Image.Image, name: str) -> tuple[np.ndarray, str]:
    if image.mode == "RGB" and "transparency" not in image.info:
        return np.asarray(image), ""
    if image.mode.startswith(("I", "F")):
        return _deep(np.asarray(image), name)
    alpha = "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info
    if not alpha:
        return np.asarray(image.convert("RGB")), ""
    rgba_HW4 = np.asarray(image.convert("RGBA"))
    opaque = bool((rgba_HW4[..., 3] == 255).all())
    return np.ascontiguousarray(rgba_HW4[..., :3]), "" if opaque else "transparency dropped"


def _deep(values_HW: np.ndarray, name: str) -> tuple[np.ndarray, str]:
    """Grey of 16 or 32 bits, or of floats, as RGB; Pillow itself would clip it to white.

    16 bits are scaled by their depth and not by the brightest level, which differs from frame to frame.
    """
    low, high = float(values_HW.min()), float(values_HW.max())
    if low < 0 or not np.isfinite(high) or high > 65535:
        raise BadInput(f"{name} has levels from {low:g} to {high:g}; save pictures of 8 or 16 bits.")
    if np.issubdtype(values_HW.dtype, np.floating):
        if high > 255:
            raise BadInput(f"{name} has fractions up to {high:g}; save levels from 0 to 1, or of 8 or 16 bits.")
        # A sharpened picture may exceed white a little.
        scale, said = (255.0, "fractions scaled to 8 bits") if high <= _OVERSHOOT else (1.0, "")
        grey_HW = np.round(np.clip(values_HW, 0, 255 / scale) * scale)
    elif values_HW.dtype.itemsize > 2 and high <= 255:
        grey_HW, said = values_HW, ""
    else:
        grey_HW, said = values_HW // 256, "16 bits scaled to 8"
    return np.repeat(grey_HW.astype(np.uint8)[..., None], 3, axis=-1), said


_OVERSHOOT = 1.1
