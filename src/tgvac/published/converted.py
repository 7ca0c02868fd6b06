"""Folders of converted weights: what they hold, and how they are opened; :mod:`tgvac.published.writing` writes them.

converted.json      what they are, and the digest of the file that they were converted from
scheduler/          the noise schedule that they were trained on
index.json          digests of all files; written last
"""

from __future__ import annotations

import json
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.models.fit import check_scheduler
from tgvac.models.params import DiffusionParams
from tgvac.models.whole import check_whole

FACTS = "converted.json"
SCHEDULER = "scheduler/scheduler_config.json"


def open_converted(folder: Path, kind: str, diffusion: DiffusionParams, size: int) -> Path:
    """The folder, after all of its files were compared with its index; see :func:`check_converted`."""
    check_converted(folder, kind, diffusion, size)
    check_whole(folder)
    return folder


def check_converted(folder: Path, kind: str, diffusion: DiffusionParams, size: int) -> None:
    """Refuse a folder that does not fit, without reading its weights.

    Args:
        kind: what it must hold.
        diffusion: the noise schedule that it must have been trained on.
        size: the side of the squares that it must have been trained on, in pixels.

    Raises:
        BadInput: when it is missing or incomplete, or of another kind, schedule or size.
    """
    if not all((folder / name).is_file() for name in ("index.json", FACTS)):
        raise BadInput(
            f"{folder} is no folder of converted weights; make it with `tgvac convert {kind} CHECKPOINT {folder}`."
        )
    found = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    if found["kind"] != kind:
        raise BadInput(f"{folder} holds weights of {found['kind']}, not of {kind}; name another folder.")
    if found["size"] != size:
        raise BadInput(
            f"{folder} was trained on squares of {found['size']} pixels, and framing.size is {size}; use it at a scale"
            f" of {found['size']}, such as paper."
        )
    check_scheduler(str(folder), json.loads((folder / SCHEDULER).read_text(encoding="utf-8")), diffusion)


def digests_of(folder: Path) -> list[str]:
    """What decides the results of a folder: the digest of its index; none of one that is not there."""
    index = folder / "index.json"
    return [sha256(index)] if index.is_file() else []
