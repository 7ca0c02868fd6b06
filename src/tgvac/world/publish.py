"""Publish the world: archives in the exact layouts of four data sets, with ground truth, and the generator's digest."""

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
"""Modules outside the package that change pixels: random draws and image encoding."""


def publish(params: WorldParams, layout: Layout, folder: Path) -> Path:
    """Write the archives of one layout into a folder, and the ground truth as ``truth.zip``.

    The same parameters give the same bytes in any process. A video does not depend on the number of videos, and
    different layouts or seeds share no video. One video is in memory at a time. Archives appear when they are complete.

    Args:
        params: the number of videos, and their size and content.
        layout: of the archives; the module of each publisher describes them.
        folder: where they are written; it is created if needed.

    Returns:
        The path that a reader of the layout opens: an archive, or the folder if a data set has several.
    """
    if layout not in _PUBLISHERS:
        raise ValueError(f"layout is {layout!r}; known are {', '.join(_PUBLISHERS)}")
    return _PUBLISHERS[layout](params, folder)


def world_digest() -> str:
    """SHA-256 (hex) of the generator's code, recorded with every result that is measured in the world.

    It covers the modules that decide pixels, as syntax trees without comments, docstrings and error texts.
    """
    found = TREE.closure(f"{_WORLD}.publish").items()
    return config.digest({name: digest for name, digest in found if name.startswith(_WORLD) or name in _BESIDE})
