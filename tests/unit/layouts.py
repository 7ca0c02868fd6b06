"""Folders and archives in the layouts of YouTube-VOS, LaSOT and pix2gestalt, built without the project's code."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

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
    """The image of a frame: noise that depends on the name of the video and the number of the frame."""
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
    """A sequence with one frame per box; ``full`` and ``out`` are the frames (from 1) with the flag set."""
    for number in range(1, len(boxes) + 1):
        write(folder / f"img/{number:08d}.png", png(frame_of(folder.name, number)))
    write(folder / "groundtruth.txt", "".join(f"{box}\n" for box in boxes))
    for name, flagged in (("full_occlusion", full), ("out_of_view", out)):
        write(folder / f"{name}.txt", ",".join("1" if n in flagged else "0" for n in range(1, len(boxes) + 1)))
    if sentence is not None:
        write(folder / "nlp.txt", sentence)
    return folder


PAIR_FILES = {
    "occlusion": "occlusion/{}_occlusion.png",
    "whole": "whole/{}_whole.png",
    "whole_mask": "whole_mask/{}_whole_mask.png",
    "visible_mask": "visible_object_mask/{}_visible_mask.png",
}


def pair_images(pair: str, side: int = 8) -> dict[str, Array]:
    """The four images of a pair: an object in the middle rows, with its left columns visible."""
    whole_HW = np.zeros((side, side), np.uint8)
    whole_HW[2:6, 1:7] = 255
    visible_HW = whole_HW.copy()
    visible_HW[:, 2 + sum(pair.encode()) % 4 :] = 0
    whole_HW3 = np.where(whole_HW[..., None] > 0, frame_noise(pair, "whole", side), np.uint8(255))
    return {
        "occlusion": frame_noise(pair, "occlusion", side),
        "whole": whole_HW3,
        "whole_mask": whole_HW,
        "visible_mask": visible_HW,
    }


def frame_noise(pair: str, part: str, side: int) -> Array:
    return noise(sum(k * c for k, c in enumerate(f"{pair}{part}".encode())), side, side, 3)


def pair_files(*pairs: str) -> dict[str, bytes]:
    """The files of pairs by their name in the release, folder by folder like the release."""
    images = {pair: pair_images(pair) for pair in pairs}
    return {name.format(pair): png(images[pair][part]) for part, name in PAIR_FILES.items() for pair in pairs}


def tar_of(path: Path, files: Mapping[str, bytes], mode: Literal["w", "w:gz", "w:xz"] = "w:gz") -> Path:
    """A tar of files in the given order."""
    with tarfile.open(path, mode) as out:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return path
