"""Copies the stand-ins of a scale into the folder that comes with the project."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tgvac.backbones.shipped import shipped_parts
from tgvac.errors import BadInput
from tgvac.files import sha256, write_json, write_text
from tgvac.stage import Context
from tgvac.training.outputs import place_folder, write_folder_index

WEIGHTS = ".safetensors"

MADE = "made.json"
"""Command and date. It is not in the index, since the date changes no network."""

LIMIT = 48 * 2**20
"""Maximal bytes of the shipped folder, since every clone of the repository has it."""


def ship(
    ctx: Context,
    folder: Path,
    command: str,
    baselines: Sequence[str] = (),
    ranks: Mapping[str, float] | None = None,
) -> None:
    """Copy a scale's backbones and its trained models in half precision, with a card.

    The models are the completion model, and the frame models of variants that are no model of the paper's.

    Args:
        ctx: of the scale that trained them.
        folder: the destination; earlier files are replaced, the index last.
        command: the command that makes the scale, for the card.
        baselines: those variants.
        ranks: how well the scoring CLIP ranks (:func:`tgvac.metrics.ranking.ranking`), for the card.

    Raises:
        BadInput: when the scale's models are missing, or larger than ``LIMIT`` together.
    """
    backbones = ctx.results / "backbones"
    sources = {name: backbones / name for name in (*shipped_parts(backbones), "scheduler")}
    # The video model includes the frame model's layers, to the bit.
    sources["motion"] = ctx.results / "motion" / "full" / "seed0" / "unet"
    sources |= {name: ctx.results / "frame" / name / "seed0" / "unet" for name in baselines}
    total = 0
    for source in sources.values():
        if not source.is_dir():
            raise BadInput(f"{source} does not exist; run `{command}` to its end.")
        total += sum(_halved_size(p) for p in source.rglob("*") if p.is_file())
    if total > LIMIT:
        raise BadInput(
            f"The stand-ins of scale '{ctx.scale}' have {total / 2**20:.1f} MiB, more than {LIMIT // 2**20};"
            " make the networks under backbones.standin smaller."
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.json").unlink(missing_ok=True)
    for name, source in sources.items():
        place_folder(folder / name, partial(_copy_halved, source))
    write_text(folder / "README.md", _card(folder, sources, command, ranks))
    write_folder_index(folder, sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MADE))
    today = datetime.now(UTC).date().isoformat()
    write_json(folder / MADE, {"command": command, "date": today, "index": sha256(folder / "index.json")})


def _halved_size(path: Path) -> int:
    """Bytes of a file as it is shipped, but for the header of its tensors."""
    return path.stat().st_size // (2 if path.suffix == WEIGHTS else 1)


def _copy_halved(source: Path, folder: Path) -> None:
    """Copy a network's folder; its tensors of float32 become float16.

    Raises:
        BadInput: when a number is too large for float16.
    """
    shutil.copytree(source, folder, dirs_exist_ok=True)
    for path in sorted(folder.rglob(f"*{WEIGHTS}")):
        found = load_file(path)
        halved = {name: x.half() if x.dtype == torch.float32 else x for name, x in found.items()}
        if bad := [name for name, x in halved.items() if x.is_floating_point() and not x.isfinite().all()]:
            raise BadInput(
                f"{source / path.name} has numbers in {bad[0]} that are not finite in float16; train it with a lower"
                " rate or more weight decay."
            )
        with safe_open(path, "pt") as opened:
            metadata = opened.metadata()
        path.unlink()
        save_file(halved, path, metadata=metadata)


def _card(folder: Path, sources: Iterable[str], command: str, ranks: Mapping[str, float] | None) -> str:
    total = sum(path.stat().st_size for name in sources for path in (folder / name).rglob("*") if path.is_file())
    weights = "\n".join(
        f"| {name} | {path.stat().st_size / 2**20:.1f} MiB | `{sha256(path)[:16]}` |"
        for name in sorted(sources)
        for path in sorted((folder / name).glob(f"*{WEIGHTS}"))
    )
    return f"""# Stand-ins

Small networks of the very classes of the real ones (`AutoencoderKL`, `CLIPTextModel`, `UNet2DConditionModel`,
`CLIPModel`, `UNetMotionModel`), trained on parts of the procedural world that only scales named `standins…` have; in
rounds, each from what was shipped before (docs/training-measurements.md). They let the whole workflow run on a laptop;
**no number obtained with them is the paper's**.

Made by `{command}`, {total / 2**20:.1f} MiB in all; the same command on the same lock file and type of
processor gives the same bytes (`index.json` has the digest of each file, `{MADE}` the day).

| part | size | sha256 |
|---|---|---|
{weights}
{_ranked(ranks)}"""


def _ranked(ranks: Mapping[str, float] | None) -> str:
    if ranks is None:
        return ""
    return f"""
## Does the scoring CLIP rank?

In {ranks["pairs"]} held-out clips, a later frame of the object is nearer to its first frame than

* the same object in wrong colours, in {ranks["wrong_colours"]:.0%};
* the hull of the object in its mean colour, in {ranks["hull"]:.0%}.
"""
