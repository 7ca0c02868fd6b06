"""Copies the stand-ins of a scale into the folder that comes with the project."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tgvac.backbones.shipped import SHIPPED_PARTS
from tgvac.errors import BadInput
from tgvac.files import sha256, write_json, write_text
from tgvac.stage import Context
from tgvac.training.outputs import place_folder, write_folder_index

MADE = "made.json"
"""Command and date. It is not in the index, since the date changes no network."""

LIMIT = 32 * 2**20
"""Maximal bytes of the shipped folder, since every clone of the repository has it."""


def ship(ctx: Context, folder: Path, command: str) -> None:
    """Copy a scale's backbones and its completion model, with a card.

    Args:
        ctx: of the scale that trained them.
        folder: the destination; earlier files are replaced, the index last.
        command: the command that makes the scale, for the card.

    Raises:
        BadInput: when the scale's models are missing, or larger than ``LIMIT`` together.
    """
    sources = {name: ctx.results / "backbones" / name for name in (*SHIPPED_PARTS, "scheduler")}
    # The video model includes the frame model's layers, to the bit.
    sources["motion"] = ctx.results / "motion" / "full" / "seed0" / "unet"
    total = 0
    for source in sources.values():
        if not source.is_dir():
            raise BadInput(f"{source} does not exist; run `{command}` to its end.")
        total += sum(p.stat().st_size for p in source.rglob("*") if p.is_file())
    if total > LIMIT:
        raise BadInput(
            f"The stand-ins of scale '{ctx.scale}' have {total / 2**20:.1f} MiB, more than {LIMIT // 2**20};"
            " make the networks under backbones.standin smaller."
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.json").unlink(missing_ok=True)
    for name, source in sources.items():
        place_folder(folder / name, partial(shutil.copytree, source, dirs_exist_ok=True))
    write_text(folder / "README.md", _card(ctx, sources, command, total))
    write_folder_index(folder, sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MADE))
    today = datetime.now(UTC).date().isoformat()
    write_json(folder / MADE, {"command": command, "date": today, "index": sha256(folder / "index.json")})


def _card(ctx: Context, sources: Mapping[str, Path], command: str, total: int) -> str:
    weights = "\n".join(
        f"| {name} | {path.stat().st_size / 2**20:.1f} MiB | `{sha256(path)[:16]}` |"
        for name, source in sorted(sources.items())
        for path in sorted(source.glob("*.safetensors"))
    )
    return f"""# Stand-ins

Small networks of the very classes of the real ones (`AutoencoderKL`, `CLIPTextModel`, `UNet2DConditionModel`,
`CLIPModel`, `UNetMotionModel`), trained on a part of the procedural world that only scales `standins` and
`standins-completion` have. They let the whole workflow run on a laptop; **no number obtained with them is
the paper's**.

Made by `{command}`, {total / 2**20:.1f} MiB in all; the same command on the same lock file and type of
processor gives the same bytes (`index.json` has the digest of each file, `{MADE}` the day).

| part | size | sha256 |
|---|---|---|
{weights}
"""
