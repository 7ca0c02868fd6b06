"""Folders of converted weights: what they hold, and how they are opened.

converted.json      what they are, and the digest of the file that they were converted from
scheduler/          the noise schedule that they were trained on
index.json          digests of all files; written last
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.files import sha256, write_json
from tgvac.models.fit import check_scheduler
from tgvac.models.params import DiffusionParams
from tgvac.models.whole import check_whole
from tgvac.training.outputs import place_folder, write_folder_index

FACTS = "converted.json"
SCHEDULER = "scheduler/scheduler_config.json"


def write_converted(folder: Path, kind: str, source: Path, parts: Mapping[str, Callable[[Path], None]]) -> None:
    """Write a folder of converted weights; one that was stopped in its middle has no index, and is not opened.

    Args:
        kind: what they are.
        source: the file they were converted from.
        parts: by subfolder, what fills it.

    Raises:
        BadInput: when the folder holds something else.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / FACTS).is_file():
        raise BadInput(f"{folder} is not empty, and no folder of converted weights; name a new one.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.json").unlink(missing_ok=True)
    write_json(folder / FACTS, {"kind": kind, "source": source.name, "sha256": sha256(source)})
    for name, fill in parts.items():
        place_folder(folder / name, fill)
    for stale in folder.iterdir():
        if stale.is_dir() and stale.name not in parts:
            shutil.rmtree(stale)
    write_folder_index(folder, sorted(path for path in folder.rglob("*") if path.is_file()))


def open_converted(folder: Path, kind: str, diffusion: DiffusionParams | None = None) -> Path:
    """The folder, once it is found whole.

    Args:
        kind: what it must hold.
        diffusion: the noise schedule that it must have been trained on; None for any.

    Raises:
        BadInput: when it is missing, incomplete, damaged, of another kind or of another schedule.
    """
    if not (folder / "index.json").is_file():
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


def saved(model: object) -> Callable[[Path], None]:
    """What saves a model of diffusers or transformers in its folder, as safetensors."""
    return partial(model.save_pretrained, safe_serialization=True)  # type: ignore[attr-defined]
