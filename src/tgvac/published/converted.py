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


def open_converted(folder: Path, kind: str, diffusion: DiffusionParams | None = None) -> Path:
    """The folder, once it is found whole.

    Args:
        kind: what it must hold.
        diffusion: the noise schedule that it must have been trained on; None for any.

    Raises:
        BadInput: when it is missing, incomplete, damaged, of another kind or of another schedule.
    """
    if not all((folder / name).is_file() for name in ("index.json", FACTS)):
        raise BadInput(
            f"{folder} is no folder of converted weights; make it with `tgvac convert {kind} CHECKPOINT {folder}`."
        )
    check_whole(folder)
    found = json.loads((folder / FACTS).read_text(encoding="utf-8"))["kind"]
    if found != kind:
        raise BadInput(f"{folder} holds weights of {found}, not of {kind}; name another folder.")
    if diffusion is not None:
        check_scheduler(str(folder), json.loads((folder / SCHEDULER).read_text(encoding="utf-8")), diffusion)
    return folder


def digests_of(folder: Path) -> list[str]:
    """What decides the results of a folder: the digest of its index; none of one that is not there."""
    index = folder / "index.json"
    return [sha256(index)] if index.is_file() else []
