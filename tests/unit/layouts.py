"""Folders in the layouts of YouTube-VOS and LaSOT, built without the project's own code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.unit.builders import Array, noise, png

HEIGHT, WIDTH = 12, 16


def ids_image(*ids: int) -> Array:
    """Object ``k`` in columns ``3 k`` to ``3 k + 2`` of a 16 x 12 annotation."""
    image = np.zeros((HEIGHT, WIDTH), np.uint8)
    for k in ids:
        image[3:9, 3 * (k % 5) : 3 * (k % 5) + 3] = k
    return image


def write(path: Path, data: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


def frame_of(video: str, number: int) -> Array:
    """The picture of a frame: noise that depends on the video's and its own name."""
    return noise(1000 * sum(video.encode()) + number, HEIGHT, WIDTH, 3)


def youtube_vos_tree(
    root: Path,
    videos: Mapping[str, Mapping[int, Sequence[int]]],
    every: Mapping[str, range] | None = None,
    objects: Any = None,
) -> Path:
    """``root/train`` from ``{video: {annotated frame: ids in it}}``, and ``root/train_all_frames`` from ``every``."""
    meta: dict[str, Any] = {}
    for name, annotated in videos.items():
        said: dict[str, Any] = {}
        for number, ids in annotated.items():
            write(root / f"train/JPEGImages/{name}/{number:05d}.png", png(frame_of(name, number)))
            write(root / f"train/Annotations/{name}/{number:05d}.png", png(ids_image(*ids), palette=True))
            for k in ids:
                said.setdefault(str(k), {"category": f"animal{k}", "frames": []})["frames"].append(f"{number:05d}")
        meta[name] = {"objects": said}
    write(root / "train/meta.json", json.dumps({"videos": meta}))
    for name, numbers in (every or {}).items():
        for number in numbers:
            write(root / f"train_all_frames/JPEGImages/{name}/{number:05d}.png", png(frame_of(name, number)))
    if objects is not None:
        write(root / "train/objects.json", json.dumps(objects))
    return root


def lasot_sequence(
    folder: Path, boxes: Sequence[str], full: Sequence[int] = (), out: Sequence[int] = (), sentence: str | None = None
) -> Path:
    """A sequence of as many frames as boxes; ``full`` and ``out`` are the frames (from 1) whose flag is set."""
    for number in range(1, len(boxes) + 1):
        write(folder / f"img/{number:08d}.png", png(frame_of(folder.name, number)))
    write(folder / "groundtruth.txt", "".join(f"{box}\n" for box in boxes))
    for name, flagged in (("full_occlusion", full), ("out_of_view", out)):
        write(folder / f"{name}.txt", ",".join("1" if n in flagged else "0" for n in range(1, len(boxes) + 1)))
    if sentence is not None:
        write(folder / "nlp.txt", sentence)
    return folder
