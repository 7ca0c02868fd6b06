"""The world in the layout of YouTube-VOS: every fifth frame annotated, every frame in a second archive.

train.zip
    train/JPEGImages/<video>/00000.jpg              only the annotated frames
    train/Annotations/<video>/00000.png             palette PNG: ids of visible parts
    train/meta.json                                 {"videos": {video: {"objects": {id: {category, frames}}}}}
    train/objects.json                              ours: {video: {id: {category, captions}}}
train_all_frames.zip
    train_all_frames/JPEGImages/<video>/00000.jpg   every frame

Some videos do not start at number 0, and some objects appear late. An object's ``frames`` are its annotated ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tgvac.clips.images import encode_jpeg
from tgvac.seeds import rng, seed_of
from tgvac.world import annotation, cast, scenes
from tgvac.world.film import film
from tgvac.world.params import WorldParams
from tgvac.world.spool import Spool
from tgvac.world.truth import Truth, objects_of

ANNOTATED, ALL = "train.zip", "train_all_frames.zip"
EVERY = 5
"""Frames from one annotation to the next: 6 of 30 per second."""


def publish_youtube_vos(params: WorldParams, folder: Path) -> Path:
    """Write both archives and ``truth.zip``; returns the folder."""
    objects: dict[str, Any] = {}
    meta: dict[str, Any] = {}
    with Spool(folder) as spool:
        truth = Truth(spool)
        for index in range(params.videos.youtube_vos):
            scene = scenes.stage(params, "youtube_vos", index)
            video = video_id(params, index)
            first = first_number(params, index)
            objects[video] = objects_of(scene)
            frames: dict[str, list[str]] = {number: [] for number in objects[video]}
            truth.begin(video, scene, len(scene.actors))
            for position, shot in enumerate(film(params, scene)):
                number, picture = f"{first + position:05d}", encode_jpeg(shot.frame_HW3)
                spool.add(ALL, f"train_all_frames/JPEGImages/{video}/{number}.jpg", picture)
                truth.add(video, position, shot)
                if position % EVERY:
                    continue
                ids_HW = annotation.identities(shot.visible)
                spool.add(ANNOTATED, f"train/JPEGImages/{video}/{number}.jpg", picture)
                spool.add(ANNOTATED, f"train/Annotations/{video}/{number}.png", annotation.palette_png(ids_HW))
                for k, seen_HW in enumerate(shot.visible):
                    if seen_HW.any():
                        frames[str(k + 1)].append(number)
            meta[video] = {
                "objects": {
                    number: {"category": actor.category, "frames": frames[number]}
                    for number, actor in zip(frames, scene.actors, strict=True)
                    if frames[number]
                }
            }
        spool.add_json(ANNOTATED, "train/meta.json", {"videos": meta})
        spool.add_json(ANNOTATED, "train/objects.json", objects)
        truth.end()
        spool.write()
    return folder


def video_id(params: WorldParams, index: int) -> str:
    """Ten hexadecimal digits, like the video names of YouTube-VOS."""
    return f"{seed_of('world', params.seed, 'youtube_vos', index, 'id') % 16**10:010x}"


def first_number(params: WorldParams, index: int) -> int:
    """The number of a video's first frame: 0, or a later multiple of ``EVERY``."""
    if cast.spread(params, "youtube_vos", "later start", index) >= params.shares.later_start:
        return 0
    return EVERY * int(rng("world", params.seed, "youtube_vos", index, "first").integers(1, 9))
