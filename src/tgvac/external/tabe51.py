"""TABE-51: real clips, composited from two recordings, with the amodal mask of the object behind.

    data/<video>/frames/00000.jpg           the input
    data/<video>/visible_masks/00000.png    what is seen of the object, 0 and 255
    data/<video>/gt_masks/00000.png         the mask of the whole object, likewise
    data/<video>/annos.json                 levels of occlusion, which are not read: rates are counted in pixels

It has no colours of the whole object. The layout is that of the data set's own loader and generator
(``reference/external.csv``).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.external.sequences import Sequence, matched, numbered
from tgvac.sources.safe_names import safe_names

FRAMES, VISIBLE, AMODAL = "frames", "visible_masks", "gt_masks"


def sequences(folder: Path) -> dict[str, Callable[[], Sequence]]:
    """The videos of the data set, each opened when it is asked for; names are safe in paths.

    Args:
        folder: the data set, or its folder ``data``.

    Raises:
        BadInput: when it has no video.
    """
    base = folder / "data" if (folder / "data").is_dir() else folder
    videos = {
        path.name: path
        for path in sorted(base.iterdir())
        if any((path / part).is_dir() for part in (FRAMES, VISIBLE, AMODAL))
    }
    if not videos:
        raise BadInput(
            f"{folder} has no video of TABE-51, which are folders with {FRAMES}/, {VISIBLE}/ and {AMODAL}/; give the"
            " folder that has them, or that has data/ with them."
        )
    return {name: partial(_open, videos[video]) for video, name in safe_names(videos).items()}


def footage(name: str) -> str:
    """The recording of a video: ``goose_1-1`` is a second composite of the recording of ``goose_1``."""
    return re.sub(r"-\d+$", "", name)


def _open(folder: Path) -> Sequence:
    found = matched(folder.name, {part: numbered(folder / part) for part in (FRAMES, VISIBLE, AMODAL)})
    return Sequence(folder.name, found[FRAMES], found[VISIBLE], found[AMODAL])
