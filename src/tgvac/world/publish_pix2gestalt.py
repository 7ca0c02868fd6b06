"""The world in the layout of the pix2gestalt data set: pairs of images, joined by an id like those of SA-1B.

pix2gestalt_occlusions_release.tar.gz
    occlusion/<id>_occlusion.png                    RGB: the image with an occluder
    whole/<id>_whole.png                            RGB: the whole object on white
    whole_mask/<id>_whole_mask.png                  grey, 0 or 255
    visible_object_mask/<id>_visible_mask.png       grey, 0 or 255
    captions.json                                   ours: {id: sentence}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tgvac.clips.images import encode_png
from tgvac.seeds import unit
from tgvac.world.pairs import pair
from tgvac.world.params import WorldParams
from tgvac.world.spool import Spool
from tgvac.world.truth import TRUTH, facts_of

ARCHIVE = "pix2gestalt_occlusions_release.tar.gz"
_STEP = 97
"""Ids of SA-1B go up to about eleven million; the data set uses fewer than a million of them."""


def publish_pix2gestalt(params: WorldParams, folder: Path) -> Path:
    """Write the archive and ``truth.zip`` (``truth.json``: ``{id: facts}`` with the rate); returns the archive."""
    captions: dict[str, str] = {}
    facts: dict[str, dict[str, Any]] = {}
    with Spool(folder) as spool:
        for index in range(params.pairs):
            made, name = pair(params, index), pair_id(params, index)
            masks = {
                "whole_mask": ("whole_mask", made.whole_HW),
                "visible_object_mask": ("visible_mask", made.visible_HW),
            }
            spool.add(ARCHIVE, f"occlusion/{name}_occlusion.png", encode_png(made.occlusion_HW3))
            spool.add(ARCHIVE, f"whole/{name}_whole.png", encode_png(made.whole_HW3))
            for where, (suffix, mask_HW) in masks.items():
                picture = encode_png(mask_HW.astype(np.uint8) * np.uint8(255))
                spool.add(ARCHIVE, f"{where}/{name}_{suffix}.png", picture)
            captions[name] = made.actor.caption
            facts[name] = {**facts_of(made.actor), "rate": round(made.rate, 6)}
        spool.add_json(ARCHIVE, "captions.json", captions)
        spool.add_json(TRUTH, "truth.json", facts)
        spool.write()
    return folder / ARCHIVE


def pair_id(params: WorldParams, index: int) -> str:
    """A number like those of SA-1B images; it is unique within a world."""
    return str(1000 + _STEP * index + int(_STEP * unit("world", params.seed, "pix2gestalt", index, "id")))
