"""Publishing the world: an archive in the exact layout of DAVIS 2017, and its truth beside it."""

from __future__ import annotations

import functools
import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from PIL import Image

from tgvac.files import writing
from tgvac.sources.world import backgrounds, render, scenes
from tgvac.sources.world.creatures import CREATURES
from tgvac.sources.world.params import WorldParams

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold: archives of the same world are the same bytes."""
_VAL_EVERY = 5

Members: TypeAlias = dict[str, tuple[int, int]]
"""Where each member of an archive lies in the spool file: start and length."""


def publish_world(params: WorldParams, archive: Path, truth: Path) -> None:
    """Write the world's videos as a DAVIS archive, and what only the world knows as a second one.

    The same parameters give the same bytes. A video is the same however many others there are. One
    video is held in memory at a time.

    Args:
        params: how much of the world, and at what size.
        archive: the zip to write: ``DAVIS/JPEGImages/480p/<seq>/00000.jpg``,
            ``DAVIS/Annotations/480p/<seq>/00000.png`` (palette; object ids of visible parts, 255 void),
            ``DAVIS/ImageSets/2017/{train,val}.txt``, and ``DAVIS/objects.json`` with category and
            captions of each object, which DAVIS does not have.
        truth: the zip to write: amodal masks ``<seq>/<id>/00000.png`` (0 or 255), and ``truth.json`` with
            category, caption, motion, path and occluded frames of each object.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=archive.parent) as spool:
        public: Members = {}
        secret: Members = {}
        objects: dict[str, Any] = {}
        facts: dict[str, Any] = {}
        sets: dict[str, list[str]] = {"train": [], "val": []}
        for index in range(params.videos):
            scene = scenes.stage(params, index)
            sets["val" if index % _VAL_EVERY == 1 else "train"].append(scene.name)
            occluded = _film(params, scene, spool, public, secret)
            objects[scene.name] = {
                str(k + 1): {"category": actor.category, "captions": [actor.caption]}
                for k, actor in enumerate(scene.actors)
            }
            facts[scene.name] = {
                str(k + 1): {
                    "category": actor.category,
                    "caption": actor.caption,
                    "motion": CREATURES[actor.category].motion,
                    "path": actor.route.path,
                    "occluded_frames": occluded[k],
                }
                for k, actor in enumerate(scene.actors)
            }
        for name, sequences in sets.items():
            listing = "".join(f"{sequence}\n" for sequence in sorted(sequences))
            _add(spool, public, f"DAVIS/ImageSets/2017/{name}.txt", listing.encode())
        _add(spool, public, "DAVIS/objects.json", _json(objects))
        _add(spool, secret, "truth.json", _json(facts))
        with writing(archive) as archive_part, writing(truth) as truth_part:
            _zip(archive_part, spool, public)
            _zip(truth_part, spool, secret)


def _film(
    params: WorldParams, scene: scenes.Scene, spool: BinaryIO, public: Members, secret: Members
) -> list[list[int]]:
    """Draw one video into the spool; returns, for each object, the frames in which another hides some of it."""
    occluded: list[list[int]] = [[] for _ in scene.actors]
    for frame, (x, y) in enumerate(scene.corners):
        layers = scenes.layers(scene, frame, params.height, params.width)
        backdrop_HW3 = backgrounds.window(scene.backdrop_HW3, x, y, params.height, params.width)
        frame_HW3 = render.composite(backdrop_HW3, [layers[k] for k in scene.order])
        masks = [render.amodal(layer) for layer in layers]
        ids_HW = render.annotate(masks, scene.order)
        place = f"480p/{scene.name}/{frame:05d}"
        _add(spool, public, f"DAVIS/JPEGImages/{place}.jpg", _jpeg(frame_HW3))
        _add(spool, public, f"DAVIS/Annotations/{place}.png", _palette_png(ids_HW))
        for k, mask_HW in enumerate(masks):
            _add(spool, secret, f"{scene.name}/{k + 1}/{frame:05d}.png", _mask_png(mask_HW))
        for depth, k in enumerate(scene.order):
            if any(bool((masks[k] & masks[over]).any()) for over in scene.order[depth + 1 :]):
                occluded[k].append(frame)
    return occluded


def _add(spool: BinaryIO, members: Members, name: str, content: bytes) -> None:
    members[name] = (spool.tell(), len(content))
    spool.write(content)


def _zip(path: Path, spool: BinaryIO, members: Members) -> None:
    """Write the members of an archive, sorted, uncompressed (images are already) and without a clock."""
    end = spool.tell()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as out:
        for name in sorted(members):
            start, length = members[name]
            info = zipfile.ZipInfo(name, _EPOCH)
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            spool.seek(start)
            out.writestr(info, spool.read(length))
    spool.seek(end)


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def _jpeg(frame_HW3: render.Image) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(frame_HW3).save(stream, "JPEG", quality=95, subsampling=0)
    return stream.getvalue()


def _mask_png(mask_HW: render.Mask) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(mask_HW.astype(np.uint8) * np.uint8(255)).save(stream, "PNG")
    return stream.getvalue()


def _palette_png(ids_HW: render.Image) -> bytes:
    picture = Image.fromarray(ids_HW)
    picture.putpalette(davis_palette())
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


@functools.cache
def davis_palette() -> bytes:
    """The colours of DAVIS annotations, 256 times RGB: 22 strong ones as in PASCAL VOC, then greys."""
    palette = bytearray()
    for index in range(256):
        rest, rgb = index, [0, 0, 0]
        for bit in range(7, -1, -1):
            for channel in range(3):
                rgb[channel] |= ((rest >> channel) & 1) << bit
            rest >>= 3
        # DAVIS writes 191 where PASCAL VOC has 192.
        palette += bytes(min(value, 191) for value in rgb) if index < 22 else bytes([index] * 3)
    return bytes(palette)
