"""Whether a pipeline's folder has the weights that are asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from tgvac.errors import BadInput

WEIGHTS = ("unet", "motion_adapter", "vae", "text_encoder")
"""The parts that have weights."""
_STEMS = {"text_encoder": "model"}
"""How libraries name a part's file of weights; diffusers' name is ``diffusion_pytorch_model``."""


def check_weights(folder: Path, variant: str | None, given: Collection[str] = ()) -> None:
    """Refuse a folder that lacks the weights of a variant.

    diffusers takes the plain weights where those of the variant are missing, and names a file of pickles where both
    are.

    Args:
        folder: on this machine; nothing is checked of one that has no ``model_index.json``.
        variant: such as ``fp16``; None for the plain weights.
        given: parts that the caller passes already loaded.

    Raises:
        BadInput: naming the missing file, and the variants that are there.
    """
    if not (folder / "model_index.json").is_file():
        return
    for part in WEIGHTS:
        if part not in given and not _has(folder / part, part, variant):
            wanted = folder / part / f"{_name(part, variant)}.safetensors"
            raise BadInput(f"{wanted} does not exist; {_remedy(_variants(folder / part, part))}.")


def only_variant(folder: Path) -> str | None:
    """The variant of a folder that has no plain weights but those of one variant; None for any other folder."""
    if not (folder / "unet").is_dir() or _has(folder / "unet", "unet", None):
        return None
    found = _variants(folder / "unet", "unet")
    return found[0] if len(found) == 1 else None


def _remedy(found: list[str | None]) -> str:
    if not found:
        return "make the folder again with tgvac export-model, or fetch it again"
    named = "no variant" if found[0] is None else f"variant='{found[0]}'"
    return f"load the folder with {named}, whose weights are there"


def _name(part: str, variant: str | None) -> str:
    stem = _STEMS.get(part, "diffusion_pytorch_model")
    return stem if variant is None else f"{stem}.{variant}"


def _has(folder: Path, part: str, variant: str | None) -> bool:
    """Whether there is one file, or the index of several whose every file is there."""
    if (folder / f"{_name(part, variant)}.safetensors").is_file():
        return True
    middle = "" if variant is None else f".{variant}"
    index = folder / f"{_name(part, None)}.safetensors.index{middle}.json"
    return index.is_file() and all((folder / name).is_file() for name in _shards(index))


def _shards(index: Path) -> Iterable[str]:
    tree: dict[str, Any] = json.loads(index.read_text(encoding="utf-8"))
    return set(tree["weight_map"].values())


def _variants(folder: Path, part: str) -> list[str | None]:
    """The variants whose weights are there whole, plain ones first."""
    pattern = re.compile(rf"{_name(part, None)}\.(?:safetensors\.index\.)?([^.-]+)(?:-[^.]+)?\.(?:safetensors|json)")
    known = {match[1] for path in folder.glob("*") if (match := pattern.fullmatch(path.name))}
    return [each for each in (None, *sorted(known)) if _has(folder, part, each)]
