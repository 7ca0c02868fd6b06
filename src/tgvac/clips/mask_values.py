"""What the values of a mask mean, decided once for every place where people give masks.

People save masks in many ways. Each is read by one of these rules, or refused with the reason:

=====================================  ================================================================
ids: palette or grey PNG               the value is the object's id, 0 is background, 255 is void
black and white, one bit, boolean      0 and 255 alone: object 1. A video decides this over all its masks
soft: thin grey edges                  cut at half of white
JPEG of black and white                cut at half of white, since JPEG changes values near edges
RGB or RGBA, grey                      as its grey image
transparency                           what is not transparent, cut at half
RGB, one colour on black               object 1
RGB in the palette of DAVIS            the ids whose colours they are
16 bits                                ids up to 254, or scaled to 8 bits
palette whose index 0 is not black     by its colours, if these are black and white
=====================================  ================================================================

A soft mask is told from ids by shape: the grey values of an edge are thin lines, an object is not. Where one mask does
not say it, all masks of its video do (:func:`is_white`).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

import cv2
import numpy as np
from PIL import Image

from tgvac.clips.pictures import UNREADABLE, upright
from tgvac.errors import BadInput

VOID = 255
"""The value of pixels that are neither an object nor background; in a mask of 0 and 255 alone, object 1."""

HALF = 128

T = TypeVar("T")

_SMALL_ID = 20
"""Values up to this are ids even where they are thin: few videos have more objects, and soft edges have more greys."""
_THIN = 0.2
"""Share of the grey pixels of a soft mask that may lie inside of an area of their own value."""
_MANY, _THIN_OF_MANY = 16, 0.5
"""So many different greys are an edge also where nothing is white, and where more of them lies inside."""
_DARK, _BRIGHT = 40, 200
"""What counts as black and white in a mask without any 0."""
_FEW = 3
"""Different values from which on they may be an edge."""
_SPECKS = 0.1
"""Share of the painted pixels of one object's mask that may have other values than white: residues of an editor."""
_LISTED = 4
_GREY = 24
"""The largest difference of the channels of a pixel that still counts as grey, in a JPEG."""
_OVERSHOOT = 1.001
_KERNEL = np.ones((3, 3), np.uint8)

Kind = Literal["empty", "ids", "white", "soft", "unclear"]
"""What the values of one mask look like; ``unclear``: thin greys, which may be an edge or small objects."""


@dataclass(frozen=True)
class Ids:
    """One mask.

    Attributes:
        ids_HW: ``uint8``: 0 background, 255 void, else the object's id. A mask of 0 and 255 alone is kept as it is,
            since only all masks of its video together say what 255 means.
        rule: how it was read, for people; "" where the values were taken as they are.
        doubt: what may be wrong with it, for people; "" for nothing.
        kind: what its values look like.
        white_HW: the same as a mask in black and white, cut at half.
    """

    ids_HW: np.ndarray
    rule: str = ""
    doubt: str = ""
    kind: Kind = "ids"
    white_HW: np.ndarray | None = None

    @property
    def black_and_white(self) -> bool:
        """Whether 0 and 255 are its only values, and it has 255."""
        return bool((self.ids_HW == VOID).any()) and not ((self.ids_HW > 0) & (self.ids_HW < VOID)).any()

    def as_object(self) -> Ids:
        """The same with 255 as object 1, if 0 and 255 are its only values."""
        if not self.black_and_white:
            return self
        rule = self.rule or "black and white, taken as object 1"
        return Ids((self.ids_HW > 0).astype(np.uint8), rule, self.doubt, self.kind)

    def in_video(self, white: bool) -> np.ndarray:
        """The ids in a video whose masks are all in black and white, or all ids (:func:`is_white`)."""
        return self.white_HW if white and self.white_HW is not None else self.ids_HW


def is_white(kinds: Iterable[Kind], name: str) -> bool:
    """Whether all masks of a video are in black and white, soft or not; else they are ids.

    Only together they say what a thin grey means: an object that leaves the frame leaves an edge without its inside.

    Args:
        name: of the video, for messages.

    Raises:
        BadInput: when some are soft and others have ids.
    """
    found = set(kinds)
    if "ids" in found and "soft" in found:
        raise BadInput(f"{name} has masks with soft edges and masks with ids; save all of them in one way.")
    return "ids" not in found and ("soft" in found or "white" in found)


def read_ids(data: bytes, name: str) -> Ids:
    """Read an encoded mask as ids.

    Args:
        name: used in messages.

    Raises:
        BadInput: when it is not readable, or no rule says what its values mean.
    """
    return _read(data, name, ids_of)


def ids_of(image: Image.Image, name: str, lossy: bool = False) -> Ids:
    """An opened mask as :func:`read_ids` reads it; ``lossy``: whether its compression changes values."""
    plane_HW, rule = _plane(upright(image), name, lossy)
    return _ids(plane_HW, rule, name, lossy)


def read_mask(data: bytes, name: str) -> tuple[np.ndarray, str]:
    """Read an encoded mask of one object, ``uint8 [H,W]`` in {0, 255}, and the rule.

    Values 0 and 1 are black and white as well.

    Raises:
        BadInput: when it is not readable, or has several objects.
    """
    return _read(data, name, mask_of_image)


def mask_of_image(image: Image.Image, name: str, lossy: bool = False) -> tuple[np.ndarray, str]:
    """An opened mask of one object as :func:`read_mask` reads it."""
    plane_HW, rule = _plane(upright(image), name, lossy)
    return _one_object(plane_HW, rule, name, lossy)


def _read(data: bytes, name: str, rule_of: Callable[[Image.Image, str, bool], T]) -> T:
    """What ``rule_of`` says of an encoded mask; it is told whether the compression changes values."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            lossy = image.format in ("JPEG", "JPEG2000", "MPO") or (image.format == "WEBP" and not _lossless(data))
            return rule_of(image, name, lossy)
    except BadInput:
        raise
    except UNREADABLE as error:
        raise BadInput(
            f"{name} is not a readable mask ({error}); "
            # Pillow reads no TIFF of several floats a pixel.
            + (
                "save TIFF with 8 or 16 bits a channel (of floats, one channel alone is read), or "
                if data[:4] in (b"II*\0", b"MM\0*")
                else ""
            )
            + "replace it with an intact copy."
        ) from None


def _one_object(plane_HW: np.ndarray, rule: str, name: str, lossy: bool) -> tuple[np.ndarray, str]:
    painted, others = np.count_nonzero(plane_HW), np.count_nonzero((plane_HW > 0) & (plane_HW < HALF))
    if (plane_HW == VOID).any() and 0 < others <= _SPECKS * painted:
        return _cut(plane_HW, HALF), _and(rule, "cut at half")
    ids = _ids(plane_HW, rule, name, lossy)
    found = sorted(set(np.unique(ids.ids_HW).tolist()) - {0})
    if len(found) > 1:
        raise BadInput(f"{name} has the ids {_list(found)}, but is the mask of one object; save it in black and white.")
    return np.where(ids.ids_HW > 0, 255, 0).astype(np.uint8), ids.rule


def mask_of_array(array: np.ndarray, name: str) -> np.ndarray:
    """Masks of one object in memory, ``[F,H,W]``, as ``uint8`` in {0, 255}.

    They may be boolean, 0 and 1, 0 and 255, or soft in [0, 1] or [0, 255], which is cut at half.

    Raises:
        BadInput: when its values are none of these.
    """
    if array.dtype == np.bool_:
        return np.where(array, 255, 0).astype(np.uint8)
    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise BadInput(f"{name} are {array.dtype}; give masks of booleans or numbers.")
    if array.size == 0:
        return array.astype(np.uint8)
    low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)) or low < 0 or high > 255:
        raise BadInput(f"{name} have values from {low:.6g} to {high:.6g}; give booleans, 0 and 1, or 0 to 255.")
    if high <= (1 if np.issubdtype(array.dtype, np.integer) else _OVERSHOOT):
        return np.where(array >= 0.5, 255, 0).astype(np.uint8)
    if high < HALF:
        raise BadInput(
            f"{name} have values up to {high:.6g}, which are neither 0 and 1 nor 0 and 255; give one object's mask."
        )
    planes_FHW = np.round(array).astype(np.uint8).reshape(-1, *array.shape[-2:])
    cut = [_one_object(plane_HW, "", name, lossy=False)[0] for plane_HW in planes_FHW]
    return np.stack(cut).reshape(array.shape)


def _lossless(data: bytes) -> bool:
    return b"VP8L" in data[:64]


def _plane(image: Image.Image, name: str, lossy: bool) -> tuple[np.ndarray, str]:
    """The image as one plane ``uint8 [H,W]``, and the rule."""
    if image.mode == "1":
        return np.asarray(image.convert("L")), ""
    if image.mode == "L":
        return np.asarray(image), ""
    if image.mode == "P":
        return _indexed(image, name)
    if image.mode.startswith(("I", "F")):
        return _deep(np.asarray(image), name)
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA"):
        rgba_HW4 = np.asarray(image.convert("RGBA"))
        alpha_HW = rgba_HW4[..., 3]
        if (alpha_HW < 255).any():
            # The object may be absent, and then everything is transparent.
            return _cut(alpha_HW, HALF), "what is not transparent, cut at half"
        return _coloured(rgba_HW4[..., :3], name, lossy)
    return _coloured(np.asarray(image.convert("RGB")), name, lossy)


def _indexed(image: Image.Image, name: str) -> tuple[np.ndarray, str]:
    """The indices of a palette image, unless its palette says that index 0 is no background."""
    indices_HW = np.asarray(image)
    used = np.unique(indices_HW)
    palette = np.zeros((256, 3), np.uint8)
    flat = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    palette[: len(flat)] = flat
    colours = palette[used].astype(int)
    if not len(flat) or 0 not in used or colours[0].max() < HALF:
        return indices_HW, ""
    # Index 0 is bright: in DAVIS and its kind it is black.
    if all(c.max() - c.min() == 0 for c in colours):
        return palette[indices_HW][..., 0], "by the colours of its palette, whose index 0 is not black"
    black = [int(i) for i, c in zip(used, colours, strict=True) if c.max() == 0]
    raise BadInput(
        f"{name} draws index 0 in the colour {tuple(colours[0].tolist())}"
        + (f" and index {black[0]} in black" if black else "")
        + ", so it is not clear which index is background; save it with background at index 0, in black."
    )


def _deep(values_HW: np.ndarray, name: str) -> tuple[np.ndarray, str]:
    """A plane of 16 or 32 bits, or of floats, as ``uint8``."""
    low, high = (float(v) for v in (values_HW.min(), values_HW.max()))
    whole = bool((values_HW == np.floor(values_HW)).all())
    if low < 0 or not np.isfinite(high):
        raise BadInput(f"{name} has values from {low:g} to {high:g}; save ids from 1 to 254, or black and white.")
    if not whole:
        if high > 1:
            raise BadInput(f"{name} has fractions up to {high:g}; save values from 0 to 1, or black and white.")
        return np.round(values_HW * 255).astype(np.uint8), "fractions from 0 to 1"
    if high <= 255:
        return values_HW.astype(np.uint8), ""
    if high >= 255 * 256 and high <= 65535:
        return (values_HW.astype(np.uint32) >> 8).astype(np.uint8), "16 bits scaled to 8"
    raise BadInput(f"{name} has values up to {high:g}; ids go from 1 to 254: number the objects anew.")


def _coloured(rgb_HW3: np.ndarray, name: str, lossy: bool) -> tuple[np.ndarray, str]:
    """A colour image as a plane: grey, one colour on black, or the palette of DAVIS."""
    spread = np.ptp(rgb_HW3.astype(np.int16), axis=-1).max() if rgb_HW3.size else 0
    if spread <= (_GREY if lossy else 0):
        return np.asarray(Image.fromarray(rgb_HW3).convert("L")), ""
    if lossy:
        raise BadInput(f"{name} is a JPEG in colour, which is no mask; save the mask as PNG in black and white.")
    colours, at = np.unique(rgb_HW3.reshape(-1, 3), axis=0, return_inverse=True)
    # Before a single colour: the next frame of the same video may show several objects.
    known = {tuple(colour): i for i, colour in enumerate(davis_palette().tolist())}
    ids = [known.get(tuple(colour)) for colour in colours.tolist()]
    if None not in ids and len(colours) <= VOID:
        return np.array(ids, np.uint8)[at].reshape(rgb_HW3.shape[:2]), "by the colours of DAVIS"
    if not colours[0].any() and len(colours) == 2:
        return np.where(at.reshape(rgb_HW3.shape[:2]) > 0, 255, 0).astype(np.uint8), "one colour on black"
    raise BadInput(
        f"{name} has {len(colours)} colours, such as {_list([tuple(c) for c in colours.tolist()])}, and no rule says"
        " what they mean; save a palette or grey PNG whose pixel value is the object's id, or black and white."
    )


def davis_palette() -> np.ndarray:
    """The colours of DAVIS and PASCAL VOC by id, ``uint8 [256,3]``: an id's bits, three at a time, highest first."""
    palette = np.zeros((256, 3), np.uint8)
    for i in range(256):
        bits = i
        for shift in range(7, -1, -1):
            for channel in range(3):
                palette[i, channel] |= ((bits >> channel) & 1) << shift
            bits >>= 3
    return palette


def _ids(plane_HW: np.ndarray, rule: str, name: str, lossy: bool) -> Ids:
    """A plane as ids, decided by itself."""
    plane_HW, rule = _full_range(plane_HW, rule)
    kind, level = _kind(plane_HW)
    if lossy and kind not in ("empty", "white"):
        brightest = int(plane_HW.max())
        if brightest < HALF:
            raise BadInput(f"{name} is a JPEG with values up to {brightest} alone; JPEG changes ids: save PNG.")
        grey_HW = ((plane_HW > _DARK) & (plane_HW < _BRIGHT)).astype(np.uint8)
        if cv2.erode(grey_HW, _KERNEL).sum() > _THIN * max(1, int(grey_HW.sum())):
            raise BadInput(f"{name} is a JPEG with grey areas, which may be ids; JPEG changes ids: save PNG.")
        kind, level, rule = "soft", HALF, _and(rule, "lossy compression, cut at half")
    elif kind == "soft":
        rule = _and(rule, "soft edges, cut at half")
    white_HW = _cut(plane_HW, level)
    ids_HW = white_HW if kind == "soft" else plane_HW
    void, painted = np.count_nonzero(ids_HW == VOID), np.count_nonzero((ids_HW > 0) & (ids_HW < VOID))
    if kind == "ids" and void > painted and _same_around(plane_HW)[plane_HW == VOID].any():
        raise BadInput(
            f"{name} has 255, which is void beside ids, on {void} pixels, and ids on {painted} alone; save the object"
            " with an id, or in pure black and white."
        )
    doubt = _doubt(ids_HW)
    if kind == "ids" and void and not doubt and _same_around(plane_HW)[plane_HW == VOID].any():
        doubt = "255 is void beside ids, and belongs to no object; give it an id if it is one"
    return Ids(ids_HW, rule, doubt, kind, white_HW)


def _full_range(plane_HW: np.ndarray, rule: str) -> tuple[np.ndarray, str]:
    """Black and white in the range of video, 16 to 235, as 0 and 255: nothing is 0, and nothing lies between."""
    low, high = (int(v) for v in (plane_HW.min(), plane_HW.max())) if plane_HW.size else (0, 0)
    if not 0 < low <= _DARK or high < _BRIGHT or ((plane_HW > _DARK) & (plane_HW < _BRIGHT)).any():
        return plane_HW, rule
    return _cut(plane_HW, HALF), _and(rule, f"levels {low} and {high} taken as black and white")


def _kind(plane_HW: np.ndarray) -> tuple[Kind, int]:
    """What a plane's values look like, and the level from which on a pixel is white if they are soft."""
    counts = np.bincount(plane_HW.ravel(), minlength=256)
    middle = np.flatnonzero(counts[1:VOID]) + 1
    if not len(middle):
        return ("white" if counts[VOID] else "empty"), HALF
    greys = middle[middle > _SMALL_ID]
    inside = np.bincount(plane_HW[_same_around(plane_HW)], minlength=256)
    if not len(greys):
        # The faint end of an edge that leaves the frame, or ids.
        faint = len(middle) >= _FEW and inside[middle].sum() <= _THIN * counts[middle].sum()
        return ("unclear" if faint else "ids"), HALF
    # One solid grey with thin darker ones around it is soft: a mask that is not drawn in pure white.
    solid = [int(v) for v in greys if inside[v] > _THIN * counts[v] and inside[v] > 1]
    thin = [int(v) for v in middle if v not in solid]
    if len(solid) == 1 and len(thin) >= _FEW and max(thin) < solid[0] and not counts[VOID]:
        return "soft", (solid[0] + 1) // 2
    # So many different greys are hardly ids, and a blur may be flat inside of them.
    thin_share = _THIN_OF_MANY if len(greys) >= _MANY else _THIN
    if inside[greys].sum() > thin_share * counts[greys].sum():
        return "ids", HALF
    if counts[HALF:].any() and (inside[VOID] or len(greys) >= _MANY):
        return "soft", HALF
    return "unclear", HALF


def _same_around(plane_HW: np.ndarray) -> np.ndarray:
    """Pixels whose eight neighbours have the same value, ``bool [H,W]``; none at the border."""
    least_HW = cv2.erode(plane_HW, _KERNEL, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray((least_HW == cv2.dilate(plane_HW, _KERNEL)) & (plane_HW > 0))


def _cut(plane_HW: np.ndarray, level: int) -> np.ndarray:
    return np.where(plane_HW >= level, 255, 0).astype(np.uint8)


def _doubt(ids_HW: np.ndarray) -> str:
    """A mask that covers all edges of the frame is more often inverted than right."""
    edges = [ids_HW[0], ids_HW[-1], ids_HW[:, 0], ids_HW[:, -1]]
    if all((edge > 0).all() for edge in edges):
        return "it covers all four edges of the frame; if it is inverted, exchange black and white"
    return ""


def _and(rule: str, more: str) -> str:
    return f"{rule}, {more}" if rule else more


def _list(values: list[object] | list[int] | list[tuple[int, ...]]) -> str:
    shown = ", ".join(map(str, values[:_LISTED]))
    return f"{shown}, …" if len(values) > _LISTED else shown
