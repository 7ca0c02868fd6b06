"""The world in the layout of DAVIS 2017: every frame annotated, void between touching objects.

DAVIS-2017-trainval-480p.zip
    DAVIS/JPEGImages/480p/<sequence>/00000.jpg
    DAVIS/Annotations/480p/<sequence>/00000.png     palette PNG: ids of visible parts, 255 void
    DAVIS/ImageSets/2017/{train,val}.txt            every fifth sequence is in val
    DAVIS/objects.json                              ours: {sequence: {id: {category, captions}}}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tgvac.clips.images import encode_jpeg
from tgvac.world import annotation, scenes
from tgvac.world.film import film
from tgvac.world.params import WorldParams
from tgvac.world.spool import Spool
from tgvac.world.truth import Truth, objects_of

ARCHIVE = "DAVIS-2017-trainval-480p.zip"
_VAL_EVERY = 5


def publish_davis(params: WorldParams, folder: Path) -> Path:
    """Write the archive and ``truth.zip``; returns the archive."""
    objects: dict[str, Any] = {}
    sets: dict[str, list[str]] = {"train": [], "val": []}
    with Spool(folder) as spool:
        truth = Truth(spool)
        for index in range(params.videos.davis):
            scene = scenes.stage(params, "davis", index)
            name = f"{'-'.join(actor.category for actor in scene.actors)}-{index:04d}"
            sets["val" if index % _VAL_EVERY == 1 else "train"].append(name)
            objects[name] = objects_of(scene)
            truth.begin(name, scene, len(scene.actors))
            for frame, shot in enumerate(film(params, scene)):
                ids_HW = annotation.with_void(annotation.identities(shot.visible), shot.amodal, scene.order)
                spool.add(ARCHIVE, f"DAVIS/JPEGImages/480p/{name}/{frame:05d}.jpg", encode_jpeg(shot.frame_HW3))
                spool.add(ARCHIVE, f"DAVIS/Annotations/480p/{name}/{frame:05d}.png", annotation.palette_png(ids_HW))
                truth.add(name, frame, shot)
        for part, names in sets.items():
            listing = "".join(f"{name}\n" for name in sorted(names))
            spool.add(ARCHIVE, f"DAVIS/ImageSets/2017/{part}.txt", listing.encode())
        spool.add_json(ARCHIVE, "DAVIS/objects.json", objects)
        truth.end()
        spool.write()
    return folder / ARCHIVE
