"""Small builders that several tests share: masks, tracks, and folders in DAVIS layout."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tgvac.clips.geometry import measure
from tgvac.clips.track import Track, TrackMeta, file_stem, write_track

Array = np.ndarray


def box(height: int, width: int, top: int, left: int, bottom: int, right: int) -> Array:
    """A mask with one rectangle."""
    mask_HW = np.zeros((height, width), np.uint8)
    mask_HW[top:bottom, left:right] = 255
    return mask_HW


def noise(seed: int, *shape: int) -> Array:
    """Random bytes, the same for the same seed."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def meta_of(track: str, frames_FHW3: Array, masks: Sequence[Array | None], **changes: Any) -> TrackMeta:
    """The meta for frames and masks."""
    source, video, number = track.split("/")
    blank_HW = np.zeros(frames_FHW3.shape[1:3], np.uint8)
    values: dict[str, Any] = {
        "track": track,
        "source": source,
        "video": video,
        "object": number,
        "category": "cat",
        "captions": (),
        "licence": "none",
        "fps": 24.0,
        "height": frames_FHW3.shape[1],
        "width": frames_FHW3.shape[2],
        "frame_numbers": tuple(range(len(frames_FHW3))),
        "annotated": tuple(m is not None for m in masks),
        "geometry": tuple(None if m is None else measure(m, blank_HW) for m in masks),
    }
    return TrackMeta(**{**values, **changes})


def write_fake_track(folder: Path, track: str, masks_FHW: Array, seed: int = 0) -> Path:
    """A track of noise with the given masks; returns its file."""
    frames_FHW3 = noise(seed, *masks_FHW.shape, 3)
    path = folder / f"{file_stem(track)}.zip"
    write_track(path, meta_of(track, frames_FHW3, list(masks_FHW)), zip(frames_FHW3, masks_FHW, strict=True), "png")
    return path


def open_fake_track(folder: Path, track: str) -> Track:
    return Track(folder / f"{file_stem(track)}.zip")


def png(image: Array, palette: bool = False) -> bytes:
    """A PNG; with ``palette``, its values are indices into misleading colours."""
    picture = Image.fromarray(image)
    if palette:
        picture.putpalette([(37 * i + 11 * c) % 256 for i in range(256) for c in range(3)])
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def davis_tree(
    root: Path,
    videos: dict[str, list[tuple[Array, Array]]],
    sets: dict[str, list[str]] | None = None,
    objects: Any = None,
) -> Path:
    """A folder in DAVIS layout from ``{sequence: [(frame, ids), …]}``; frames are lossless PNG."""
    for name, pairs in videos.items():
        for i, (frame_HW3, ids_HW) in enumerate(pairs):
            for kind, suffix, data in (
                ("JPEGImages", "png", png(frame_HW3)),
                ("Annotations", "png", png(ids_HW, palette=True)),
            ):
                path = root / kind / "480p" / name / f"{i:05d}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
    for part, names in (sets or {}).items():
        path = root / "ImageSets" / "2017" / f"{part}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{n}\n" for n in names))
    if objects is not None:
        (root / "objects.json").write_text(json.dumps(objects))
    return root


def zipped(folder: Path, archive: Path, prefix: str = "") -> Path:
    """Zip a folder, with a prefix such as ``DAVIS/`` before all names."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            out.write(path, prefix + path.relative_to(folder).as_posix())
    return archive
