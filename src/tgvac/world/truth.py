"""The ground truth of a video: amodal and visible masks, motion, and the frames in which objects are hidden."""

from __future__ import annotations

from typing import Any

import numpy as np

from tgvac.clips.images import encode_png
from tgvac.world.actors import Actor
from tgvac.world.creatures import CREATURES
from tgvac.world.film import Shot
from tgvac.world.render import Mask
from tgvac.world.scenes import Scene
from tgvac.world.spool import Spool

TRUTH = "truth.zip"


class Truth:
    """Collects the ground truth of a layout's videos in ``truth.zip``.

    It has ``<video>/<id>/amodal/00000.png`` and ``<video>/<id>/visible/00000.png`` (0 or 255; numbered by position in
    the video, from 0), and ``truth.json``: ``{video: {id: facts}}``.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._facts: dict[str, dict[str, dict[str, Any]]] = {}

    def begin(self, video: str, scene: Scene, objects: int) -> None:
        """Add a video and its first ``objects`` objects."""
        self._facts[video] = {
            str(k + 1): {
                "staging": scene.kind,
                **facts_of(actor),
                "occluded_frames": [],
                "cut_frames": [],
                "absent_frames": [],
            }
            for k, actor in enumerate(scene.actors[:objects])
        }

    def add(self, video: str, position: int, shot: Shot) -> None:
        """Add a frame of a video that was added with ``begin``."""
        for number, facts in self._facts[video].items():
            amodal_HW, visible_HW = shot.amodal[int(number) - 1], shot.visible[int(number) - 1]
            for name, mask_HW in (("amodal", amodal_HW), ("visible", visible_HW)):
                picture = encode_png(mask_HW.astype(np.uint8) * np.uint8(255))
                self._spool.add(TRUTH, f"{video}/{number}/{name}/{position:05d}.png", picture)
            if not amodal_HW.any():
                facts["absent_frames"].append(position)
            elif _touches_border(amodal_HW):
                facts["cut_frames"].append(position)
            if (amodal_HW & ~visible_HW).any():
                facts["occluded_frames"].append(position)

    def end(self) -> None:
        """Write the facts of all videos."""
        self._spool.add_json(TRUTH, "truth.json", self._facts)


def facts_of(actor: Actor) -> dict[str, Any]:
    """The facts about an object that hold in every frame, for JSON."""
    clothes = actor.clothes
    return {
        "category": actor.category,
        "caption": actor.caption,
        "motion": CREATURES[actor.category].motion,
        "path": actor.route.path,
        "main": clothes.main_name,
        "accent": clothes.accent_name,
        "part": clothes.part,
        "pattern": clothes.pattern,
    }


def objects_of(scene: Scene) -> dict[str, dict[str, Any]]:
    """The entry of a video in ``objects.json``: ``{id: {category, captions}}``."""
    return {
        str(k + 1): {"category": actor.category, "captions": [actor.caption]} for k, actor in enumerate(scene.actors)
    }


def _touches_border(mask_HW: Mask) -> bool:
    return bool(mask_HW[[0, -1]].any() or mask_HW[:, [0, -1]].any())
