"""Encoding and decoding of still images.

Digests depend on pixels, so every image of the project is encoded and decoded here, with Pillow. The exception is
masks with one bit per pixel, which :mod:`tgvac.clips.bilevel` writes and reads.
"""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from tgvac.clips.bilevel import decode_bilevel, encode_bilevel
from tgvac.errors import BadInput

_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def decode_rgb(data: bytes, name: str) -> np.ndarray:
    """Decode any image to RGB, ``uint8 [H,W,3]``; ``name`` is used in messages."""
    return _decode(data, name, "RGB")


def decode_rgba(data: bytes, name: str) -> np.ndarray:
    """Decode any image to RGB with straight alpha, ``uint8 [H,W,4]``."""
    return _decode(data, name, "RGBA")


def _decode(data: bytes, name: str, mode: str) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(data)) as image:
            # A conversion to the same mode would copy the image.
            return np.asarray(image if image.mode == mode else image.convert(mode))
    except _UNREADABLE as error:
        raise BadInput(f"{name} is not a readable image ({error}); replace it with an intact copy.") from None


def image_size(data: bytes, name: str) -> tuple[int, int]:
    """Height and width of an encoded image; only its header is read."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.height, image.width
    except _UNREADABLE as error:
        raise BadInput(f"{name} is not a readable image ({error}); replace it with an intact copy.") from None


def decode_indices(data: bytes, name: str, modes: tuple[str, ...] = ("P", "L")) -> np.ndarray:
    """Decode an annotation to its indices, ``uint8 [H,W]``.

    Palette images (mode P) give their indices, not their colours; grey images give their grey values.
    One-bit images are not annotations, because 255 would mean void; they are allowed as masks.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode not in modes:
                raise BadInput(
                    f"{name} is an image of mode {image.mode}, not an annotation;"
                    " give a palette or grey PNG whose pixel value is the object's id."
                )
            if image.mode == "1":
                return np.frombuffer(image.tobytes("raw", "L"), np.uint8).reshape(image.height, image.width)
            return np.asarray(image)
    except BadInput:
        raise
    except _UNREADABLE as error:
        raise BadInput(f"{name} is not a readable annotation ({error}); replace it with an intact copy.") from None


def decode_mask(data: bytes, name: str) -> np.ndarray:
    """Decode a binary mask, ``uint8 [H,W]`` in {0, 255}."""
    mask_HW = decode_bilevel(data)
    if mask_HW is not None:
        return mask_HW
    mask_HW = decode_indices(data, name, ("P", "L", "1"))
    if not _is_binary(mask_HW):
        raise BadInput(f"{name} has values other than 0 and 255; save masks in pure black and white.")
    return mask_HW


def encode_png(image: np.ndarray) -> bytes:
    """Encode ``uint8 [H,W]``, ``[H,W,3]`` or ``[H,W,4]`` as PNG, losslessly."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(stream, format="PNG", compress_level=4)
    return stream.getvalue()


def _is_binary(mask_HW: np.ndarray) -> bool:
    """Whether a ``uint8`` mask is only 0 or 255: plus one, 255 becomes 0, 0 becomes 1, and all others are larger."""
    return not (mask_HW + np.uint8(1) > 1).any()


def encode_mask(mask_HW: np.ndarray) -> bytes:
    """Encode a mask ``uint8 [H,W]`` in {0, 255} as PNG with one bit per pixel."""
    if not _is_binary(mask_HW):
        others = sorted(set(np.unique(mask_HW).tolist()) - {0, 255})
        raise ValueError(f"the mask has values other than 0 and 255: {others}")
    return encode_bilevel(mask_HW)


def encode_indices(indices_HW: np.ndarray) -> bytes:
    """Encode ``uint8 [H,W]`` in {0, 1} as a palette PNG with object ids as values, in the colours of DAVIS."""
    image = Image.fromarray(np.ascontiguousarray(indices_HW))
    image.putpalette(bytes([0, 0, 0, 128, 0, 0]))
    stream = io.BytesIO()
    image.save(stream, format="PNG", compress_level=4)
    return stream.getvalue()


def encode_jpeg(image_HW3: np.ndarray) -> bytes:
    """Encode ``uint8 [H,W,3]`` as JPEG, quality 95, without chroma subsampling."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image_HW3)).save(stream, format="JPEG", quality=95, subsampling=0)
    return stream.getvalue()


def resize_rgb(image_HW3: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize an RGB image by area averaging (down) or Lanczos (up), ``uint8 [height,width,3]``."""
    if image_HW3.shape[:2] == (height, width):
        return image_HW3
    down = height * width < image_HW3.shape[0] * image_HW3.shape[1]
    kind = Image.Resampling.BOX if down else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(np.ascontiguousarray(image_HW3)).resize((width, height), kind))


def resize_mask(mask_HW: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize a binary mask: a pixel belongs to the mask if at least half of its area does."""
    if mask_HW.shape == (height, width):
        return mask_HW
    coverage = Image.fromarray(np.ascontiguousarray(mask_HW)).convert("F")
    down = height * width < mask_HW.shape[0] * mask_HW.shape[1]
    kind = Image.Resampling.BOX if down else Image.Resampling.BILINEAR
    return np.where(np.asarray(coverage.resize((width, height), kind)) >= 127.5, 255, 0).astype(np.uint8)


def on_white(frame_HW3: np.ndarray, mask_HW: np.ndarray) -> np.ndarray:
    """The masked part of a frame on white, ``uint8``; more leading axes are allowed, as in ``[F,H,W,3]``."""
    out_HW3 = np.full(frame_HW3.shape, 255, np.uint8)
    paint(out_HW3, frame_HW3, mask_HW)
    return out_HW3


def paint(out_HW3: np.ndarray, image_HW3: np.ndarray, mask_HW: np.ndarray) -> None:
    """Copy an image into another where a mask is not 0; all ``uint8``, with the same leading axes.

    OpenCV does this many times faster than a selection in NumPy.

    Args:
        out_HW3: written to; contiguous, or a crop of one frame.
    """
    if out_HW3.ndim == 3 and out_HW3.strides[1:] == (3, 1):
        cv2.copyTo(image_HW3, mask_HW, out_HW3)
        return
    if not out_HW3.flags.c_contiguous:
        raise ValueError("the output must be contiguous; reshaping it would paint on a copy")
    width = out_HW3.shape[-2]
    cv2.copyTo(image_HW3.reshape(-1, width, 3), mask_HW.reshape(-1, width), out_HW3.reshape(-1, width, 3))


def grey(image_HW3: np.ndarray) -> np.ndarray:
    """Luminance (Rec. 601), ``float64 [H,W]`` in [0, 255]; more leading axes are allowed."""
    # Integers first: with floats, the grey of (250, 250, 250) may not be 250, and may differ between CPUs.
    return np.asarray(image_HW3.astype(np.int64) @ np.array([299, 587, 114]) / 1000)


def not_white(images_FHW3: np.ndarray, threshold: int) -> np.ndarray:
    """The mask of all pixels darker than ``threshold``, ``uint8 [F,H,W]`` in {0, 255}.

    pix2gestalt uses grey < 250.
    """
    mask_FHW = np.empty(images_FHW3.shape[:3], np.uint8)
    # Frame by frame, because the integers of a long video would take ten times its memory.
    for mask_HW, image_HW3 in zip(mask_FHW, images_FHW3, strict=True):
        mask_HW[:] = np.where(grey(image_HW3) < threshold, 255, 0)
    return mask_FHW
