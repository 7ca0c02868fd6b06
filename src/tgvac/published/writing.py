"""Writes folders of converted weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.files import sha256, write_json
from tgvac.published.converted import FACTS
from tgvac.training.outputs import place_folder, write_folder_index


def write_converted(
    folder: Path, kind: str, size: int, source: Path, parts: Mapping[str, Callable[[Path], None]]
) -> None:
    """Write a folder of converted weights; one that was stopped in its middle has no index, and is not opened.

    Args:
        kind: what they are.
        size: the side of the squares that they were trained on, in pixels.
        source: the file they were converted from.
        parts: by subfolder, what fills it.

    Raises:
        BadInput: when the folder holds something else.
    """
    if folder.is_file():
        raise BadInput(f"{folder} is a file; name a folder.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / FACTS).is_file():
        raise BadInput(f"{folder} is not empty, and no folder of converted weights; name a new one.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.json").unlink(missing_ok=True)
    write_json(folder / FACTS, {"kind": kind, "size": size, "source": source.name, "sha256": sha256(source)})
    for name, fill in parts.items():
        place_folder(folder / name, fill)
    for stale in folder.iterdir():
        if stale.is_dir() and stale.name not in parts:
            shutil.rmtree(stale)
    write_folder_index(folder, sorted(path for path in folder.rglob("*") if path.is_file()))


def saved(model: object) -> Callable[[Path], None]:
    """What saves a model of diffusers or transformers in its folder, as safetensors."""
    return partial(model.save_pretrained, safe_serialization=True)  # type: ignore[attr-defined]
