"""Publishing the world: archives in the exact layouts of four data sets, the truth beside them, and its digest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tgvac import config
from tgvac.code_digests import TREE
from tgvac.world.params import Layout, WorldParams
from tgvac.world.publish_davis import publish_davis
from tgvac.world.publish_lasot import publish_lasot
from tgvac.world.publish_pix2gestalt import publish_pix2gestalt
from tgvac.world.publish_youtube_vos import publish_youtube_vos

_PUBLISHERS: dict[Layout, Callable[[WorldParams, Path], Path]] = {
    "davis": publish_davis,
    "youtube_vos": publish_youtube_vos,
    "lasot": publish_lasot,
    "pix2gestalt": publish_pix2gestalt,
}

_WORLD = "tgvac.world"
_BESIDE = ("tgvac.seeds", "tgvac.clips.images")
"""How numbers are drawn and pixels encoded: a change there changes pictures, too."""


def publish(params: WorldParams, layout: Layout, folder: Path) -> Path:
    """Write the world's archives of one layout into a folder, and ``truth.zip``, which that layout does not have.

    The same parameters give the same bytes, in any process. A video is the same however many others there
    are; no two layouts and no two seeds share one. One video is held in memory at a time. Each archive
    appears when it is complete.

    Args:
        params: how much of the world, and at what size.
        layout: whose layout; the module of each publisher describes its archives.
        folder: where they are written; made if it does not exist.

    Returns:
        What a reader of that layout opens: an archive, or the folder where a data set has several.
    """
    if layout not in _PUBLISHERS:
        raise ValueError(f"layout is {layout!r}; known are {', '.join(_PUBLISHERS)}")
    return _PUBLISHERS[layout](params, folder)


def world_digest() -> str:
    """SHA-256 (hex) of the generator's code, recorded with every result that was measured in the world.

    It covers the modules that decide a pixel, as syntax trees without prose.
    """
    found = TREE.closure(f"{_WORLD}.publish").items()
    return config.digest({name: digest for name, digest in found if name.startswith(_WORLD) or name in _BESIDE})
