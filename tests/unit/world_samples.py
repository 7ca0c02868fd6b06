"""Small worlds for tests, and the pixels of their archives, read only with Pillow."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tgvac.world.params import WorldParams

SHARES = {
    "crowded": 0.0,
    "company": 0.0,
    "fenced": 0.0,
    "late": 0.0,
    "hidden": 0.0,
    "leaving": 0.0,
    "third": 0.0,
    "white": 0.1,
    "camouflaged": 0.0,
    "patterned": 0.5,
    "later_start": 0.0,
}


def world(videos: int = 4, **changes: Any) -> WorldParams:
    """Params of a small world; shares may be given directly."""
    shares = {**SHARES, **{name: changes.pop(name) for name in list(changes) if name in SHARES}}
    values: dict[str, Any] = {
        "seed": 7,
        "videos": {"davis": videos, "youtube_vos": videos, "lasot": videos},
        "frames": 6,
        "height": 64,
        "width": 80,
        "pairs": videos,
        "pair_size": 64,
        "pair_rate_min": 0.05,
        "pair_rate_max": 0.8,
        "pair_scale_min": 1.0,
        "unseen": 0.01,
        "shares": shares,
    }
    return WorldParams(**{**values, **changes})


def pixels(archive: zipfile.ZipFile, member: str) -> npt.NDArray[np.uint8]:
    """The pixels of an image in a zip; the indices for a palette image."""
    return decoded(archive.read(member))


def decoded(content: bytes) -> npt.NDArray[np.uint8]:
    """The pixels of an encoded image."""
    return np.asarray(Image.open(io.BytesIO(content)))
