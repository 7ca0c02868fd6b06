"""Publishing the world: archives in the exact layouts of four data sets, and the truth beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tgvac.sources.world.params import Layout, WorldParams
from tgvac.sources.world.publish_davis import publish_davis
from tgvac.sources.world.publish_lasot import publish_lasot
from tgvac.sources.world.publish_pix2gestalt import publish_pix2gestalt
from tgvac.sources.world.publish_youtube_vos import publish_youtube_vos

_PUBLISHERS: dict[Layout, Callable[[WorldParams, Path], Path]] = {
    "davis": publish_davis,
    "youtube_vos": publish_youtube_vos,
    "lasot": publish_lasot,
    "pix2gestalt": publish_pix2gestalt,
}


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
