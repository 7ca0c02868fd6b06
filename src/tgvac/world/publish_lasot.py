"""The world in the layout of LaSOT: one target per sequence, only boxes, one zip per category.

<category>.zip
    <category>/<category>-<n>/img/00000001.jpg      frames are numbered from 1
    <category>/<category>-<n>/groundtruth.txt       one x,y,w,h per line: the box of the target's visible part
    <category>/<category>-<n>/full_occlusion.txt    one line of comma-separated 0 and 1
    <category>/<category>-<n>/out_of_view.txt       the same
    <category>/<category>-<n>/nlp.txt               one sentence

x and y are the left and top pixel of the box, counted from 0. If a flag is set, the box is ``0,0,0,0``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tgvac.clips.images import encode_jpeg
from tgvac.world import annotation, scenes
from tgvac.world.creatures import CREATURES
from tgvac.world.film import Shot, film
from tgvac.world.params import WorldParams
from tgvac.world.spool import Spool
from tgvac.world.truth import Truth


def publish_lasot(params: WorldParams, folder: Path) -> Path:
    """Write one archive per category and ``truth.zip`` (object ``1`` is the target); returns the folder."""
    with Spool(folder) as spool:
        truth = Truth(spool)
        for index in range(params.videos.lasot):
            scene = scenes.stage(params, "lasot", index)
            category = scene.actors[0].category
            # Each block of len(CREATURES) videos has each category once.
            name = f"{category}-{index // len(CREATURES) + 1}"
            archive, place = f"{category}.zip", f"{category}/{name}"
            rows = []
            truth.begin(name, scene, 1)
            for position, shot in enumerate(film(params, scene)):
                spool.add(archive, f"{place}/img/{position + 1:08d}.jpg", encode_jpeg(shot.frame_HW3))
                truth.add(name, position, shot)
                rows.append(_row(params, shot))
            boxes, occluded, away = zip(*rows, strict=True)
            lines = "".join(f"{','.join(map(str, box))}\n" for box in boxes)
            spool.add(archive, f"{place}/groundtruth.txt", lines.encode())
            for file, flags in (("full_occlusion", occluded), ("out_of_view", away)):
                spool.add(archive, f"{place}/{file}.txt", (",".join(str(int(flag)) for flag in flags) + "\n").encode())
            spool.add(archive, f"{place}/nlp.txt", f"{scene.actors[0].caption}\n".encode())
        truth.end()
        spool.write()
    return folder


def _row(params: WorldParams, shot: Shot) -> tuple[tuple[int, int, int, int], bool, bool]:
    """The box of the target in a frame, whether it is fully occluded, and whether it is out of view."""
    amodal_HW, seen_HW = shot.amodal[0], shot.visible[0]
    inside = int(np.count_nonzero(amodal_HW))
    if not inside:
        return (0, 0, 0, 0), False, True
    if int(np.count_nonzero(seen_HW)) <= params.unseen * inside:
        return (0, 0, 0, 0), True, False
    return annotation.box(seen_HW), False, False
