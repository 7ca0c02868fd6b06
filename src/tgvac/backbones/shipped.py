"""The stand-ins that come with the project, in ``standins/``; ``make standins`` makes them.

standins/vae  text_encoder  tokenizer  unet  scoring_clip  scheduler     backbones, safetensors
standins/image_encoder                                                   for variants that attend to images, if trained
standins/motion                                                          a small completion model, for demos
standins/index.json                                                      digests of all files
standins/made.json                                                       command and date
"""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.files import sha256
from tgvac.models.backbones import PARTS
from tgvac.models.backbones_params import IMAGE_ENCODER, BackbonesParams
from tgvac.models.fit import check_scheduler
from tgvac.models.params import DiffusionParams
from tgvac.shards import read_index
from tgvac.stage import Context
from tgvac.training.outputs import place_folder

SHIPPED_PARTS = (*PARTS, "scoring_clip")
"""The parts of the shipped folder that a run copies; :func:`shipped_parts` adds the image encoder."""


def shipped_parts(folder: Path) -> tuple[str, ...]:
    """The parts of a folder of backbones that a run copies."""
    return (*SHIPPED_PARTS, IMAGE_ENCODER) if (folder / IMAGE_ENCODER).is_dir() else SHIPPED_PARTS


def take_shipped(ctx: Context, params: BackbonesParams, diffusion: DiffusionParams) -> dict[str, str]:
    """Copy the shipped backbones, verified; returns the digest of their index.

    Raises:
        BadInput: when a file is missing or not as the index says, or the networks predict something else or were
            trained with another noise schedule.
    """
    folder = ctx.root / params.shipped
    index_file = folder / "index.json"
    if not index_file.is_file():
        raise BadInput(
            f"{index_file} does not exist; restore the folder from the repository, or make it with"
            " `make standins` (about two hours)."
        )
    for entry in read_index(index_file).values():
        path = folder / entry.file
        if not path.is_file() or sha256(path) != entry.sha256:
            raise BadInput(
                f"{path} is missing or not as {index_file} says; restore it from the repository, or delete {folder}"
                " and make it again."
            )
    scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text(encoding="utf-8"))
    check_scheduler(str(folder), scheduler, diffusion)
    for name in shipped_parts(folder):
        place_folder(ctx.out / name, partial(shutil.copytree, folder / name, dirs_exist_ok=True))
    return {"standins": sha256(index_file)}
