"""Where a trained model is saved, and what identifies it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tgvac.config import digest, nearest
from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.models.backbones import without_path
from tgvac.models.params import VariantParams
from tgvac.shards import Entry, write_index
from tgvac.stage import Context
from tgvac.training.checkpoint import Identity
from tgvac.training.events import write_events
from tgvac.training.params import TrainingParams


def run_folder(ctx: Context, phase: str = "") -> Path:
    """The folder ``results/<scale>/<phase>/<variant>/seed<k>`` of the run that the context's options name."""
    return ctx.results / (phase or ctx.phase) / ctx.options["variant"] / f"seed{ctx.options['seed']}"


def variant_of(ctx: Context, variants: Mapping[str, VariantParams]) -> VariantParams:
    """The trained variant that the context's options name."""
    name = ctx.options["variant"]
    if name not in variants:
        raise BadInput(f"The block 'variants' has no '{name}'; {nearest(name, list(variants))}")
    return variants[name]


def identity_of(ctx: Context, params: TrainingParams, *inputs: str) -> Identity:
    """The identity of a training run: code and params, seed and variant, and the digests of its inputs."""
    rest = [ctx.params, params.model_dump(mode="json", exclude_none=True), dict(ctx.options), list(inputs)]
    return Identity(key=digest([ctx.digest, *rest]), code=ctx.code, rest=digest(rest) if ctx.params else "")


def save_model(
    folder: Path, name: str, model: Any, events: list[dict[str, float]], pictures: Path | None = None
) -> None:
    """Save a model of diffusers or transformers atomically, then its events, pictures and index.

    The index is written last: a folder without an index is not complete. The pictures are not in the index, so that
    later phases do not depend on them.
    """
    (folder / "index.json").unlink(missing_ok=True)
    place_folder(folder / name, lambda part: model.save_pretrained(part, safe_serialization=True))
    write_events(folder / "events.jsonl", events)
    place_pictures(folder / "samples", pictures)
    write_folder_index(folder, indexed(folder))


def place_pictures(final: Path, pictures: Path | None) -> None:
    """Copy a training's pictures; an earlier folder is removed in any case."""
    if pictures is not None and pictures.is_dir():
        place_folder(final, partial(shutil.copytree, pictures, dirs_exist_ok=True))
    else:
        shutil.rmtree(final, ignore_errors=True)


def indexed(folder: Path) -> list[Path]:
    """The files of a folder for its index, sorted: all except ``samples/``, on which nothing depends."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in files if path.relative_to(folder).parts[0] != "samples")


def place_folder(final: Path, fill: Any) -> None:
    """Fill a temporary folder and rename it into place."""
    part = final.with_name(f".{final.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    fill(part)
    shutil.rmtree(final, ignore_errors=True)
    part.rename(final)


def place_parts(final: Path, *parts: Any) -> None:
    """Save parts of diffusers or transformers in one folder, atomically."""

    def fill(folder: Path) -> None:
        for part in parts:
            if hasattr(part, "register_to_config"):
                without_path(part)
            part.save_pretrained(folder)

    place_folder(final, fill)


def write_folder_index(folder: Path, files: list[Path]) -> None:
    """Write an index of files below a folder."""
    entries = []
    for path in files:
        name = path.relative_to(folder).as_posix()
        # Hidden files are incomplete ones that a killed process left.
        hidden = any(part.startswith(".") for part in Path(name).parts)
        if name != "index.json" and not name.endswith(".prov.json") and not hidden:
            entries.append(Entry(name, name, sha256(path), path.stat().st_size))
    write_index(folder / "index.json", entries)
