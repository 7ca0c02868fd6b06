"""Masks as PNG of one bit a pixel in its simplest form: no filters, one chunk of data.

Pillow inflates a PNG row by row, and rows of a mask are so short (57 bytes) that zlib spends several times as long on
them as on all at once. A mask of 456 x 256 is read here in a quarter of Pillow's time, and takes fewer bytes, since
filters are of no use to single bits. Any PNG reader reads what is written; what has another form is left to Pillow.

Source: Portable Network Graphics, third edition (W3C), sections 5 (chunks), 7.2 (scanlines), 9 (filters), 11.2.1
(IHDR).
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from PIL import Image

# S bytes of a row: a filter's number, then eight pixels a byte, the first in the highest bit.

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_FORM = (1, 0, 0, 0, 0)
"""Of IHDR: bit depth 1, grey, and the only compression, set of filters and order of rows that we write."""
_HEADER = struct.Struct(">II5B")
_LEVEL = 6
"""zlib's own default; not in params.yaml, since it decides no pixel."""


def encode_bilevel(mask_HW: np.ndarray) -> bytes:
    """Encode a mask ``uint8 [H,W]``, white where it is not 0."""
    height, width = mask_HW.shape
    rows_HS = np.pad(np.packbits(mask_HW, axis=1), ((0, 0), (1, 0)))
    header = _chunk(b"IHDR", _HEADER.pack(width, height, *_FORM))
    return _SIGNATURE + header + _chunk(b"IDAT", zlib.compress(rows_HS.tobytes(), _LEVEL)) + _chunk(b"IEND", b"")


def decode_bilevel(data: bytes) -> np.ndarray | None:
    """Decode to ``uint8 [H,W]`` in {0, 255}; None where it is not intact, or has not the form that we write."""
    found = _chunks(data)
    if found is None:
        return None
    header, packed = found
    width, height, *form = _HEADER.unpack(header)
    # The limit is Pillow's, which says what is to be said of larger ones.
    if tuple(form) != _FORM or not 0 < width * height <= (Image.MAX_IMAGE_PIXELS or 0):
        return None
    length = height * (1 + (width + 7) // 8)
    inflater = zlib.decompressobj()
    try:
        rows = inflater.decompress(packed, length + 1)
    except zlib.error:
        return None
    if len(rows) != length or not inflater.eof:
        return None
    rows_HS = np.frombuffer(rows, np.uint8).reshape(height, -1)
    if rows_HS[:, 0].any():
        return None
    mask_HW = np.unpackbits(rows_HS[:, 1:], axis=1, count=width)
    return np.negative(mask_HW, out=mask_HW)  # 255 is what -1 is in eight bits


def _chunk(name: bytes, data: bytes) -> bytes:
    """A chunk: its length, name, data and CRC-32."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


_END = _chunk(b"IEND", b"")


def _chunks(data: bytes) -> tuple[bytes, bytes] | None:
    """The header and the data of a PNG of three chunks whose sums are right; else None."""
    start = len(_SIGNATURE)
    middle = start + 12 + _HEADER.size
    header, packed = data[start + 8 : middle - 4], data[middle + 8 : -4 - len(_END)]
    parts = (_SIGNATURE, data[start:middle], data[middle : -len(_END)], _END)
    whole = data[:start], _chunk(b"IHDR", header), _chunk(b"IDAT", packed), data[-len(_END) :]
    return (header, packed) if len(header) == _HEADER.size and parts == whole else None
