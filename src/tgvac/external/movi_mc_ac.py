"""MOVi-MC-AC: simulated scenes of household objects, seen by several cameras, with each object rendered whole.

    <split>/<scene>/camera_0000/rgba_00000.png                     the input
    <split>/<scene>/camera_0000/segmentation_00000.png             the value of a pixel is the object that is seen there
    <split>/<scene>/camera_0000/obj_0001/rgba_00000.png            the whole object's colours
    <split>/<scene>/camera_0000/obj_0001/segmentation_00000.png    its mask

The number in ``obj_0001`` is the object's value. Depth (TIFF) is not read. Each scene is an archive of its own; a scene
in a further folder of its own name, as some programs unpack it, is found, too. The layout is that of programs that load
the data set (``reference/external.csv``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tgvac.errors import BadInput
from tgvac.external.sequences import Sequence, matched, numbered
from tgvac.sources.safe_names import safe_names

_CAMERA, _OBJECT = re.compile(r"camera_\d+"), re.compile(r"obj_(\d+)")
_DEPTH = 4
"""Folders above a camera's: data set, split, scene, and the scene again."""


def sequences(folder: Path) -> dict[str, Callable[[], Sequence]]:
    """Each object before each camera, ``<scene>/<camera>/<object>``, opened when it is asked for.

    Only folders are listed here, since the whole data set has millions of files.

    Args:
        folder: the data set, one of its splits, or a scene.

    Raises:
        BadInput: when it has no camera, or two scenes of one name.
    """
    cameras = list(_cameras(folder, _DEPTH))
    if not cameras:
        raise BadInput(
            f"{folder} has no scene of MOVi-MC-AC, which are folders with camera_0000/ and so on; unpack its archives,"
            " and give the folder that has them."
        )
    scenes = safe_names({camera.parent.name for camera in cameras})
    found: dict[str, Callable[[], Sequence]] = {}
    seen: dict[str, Path] = {}
    for camera in cameras:
        where = f"{camera.parent.name}/{camera.name}"
        if (other := seen.setdefault(where, camera)) != camera:
            raise BadInput(f"{other} and {camera} are the same camera of one scene; keep one of them.")
        for path in sorted(camera.iterdir()):
            if (match := _OBJECT.fullmatch(path.name)) and path.is_dir():
                sample = f"{scenes[camera.parent.name]}/{camera.name}/{path.name}"
                found[sample] = partial(_open, camera, path, int(match[1]))
    if not found:
        raise BadInput(
            f"{folder} has cameras, but no folder obj_0001/ with a whole object; give the complete data set."
        )
    return found


def footage(name: str) -> str:
    """The scene."""
    return name.partition("/")[0]


def _cameras(folder: Path, depth: int) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if not path.is_dir() or path.name.startswith("."):
            continue
        if _CAMERA.fullmatch(path.name):
            yield path
        elif depth > 1:
            yield from _cameras(path, depth - 1)


def _open(camera: Path, folder: Path, value: int) -> Sequence:
    name = f"{camera.parent.name}/{camera.name}/{folder.name}"
    frames, visible, whole, amodal = (
        numbered(where, rf"{kind}_(\d+)") for where in (camera, folder) for kind in ("rgba", "segmentation")
    )
    parts = {
        "rgba": frames,
        "segmentation": visible,
        f"{folder.name}/segmentation": amodal,
        f"{folder.name}/rgba": whole,
    }
    inputs, seen, masks, colours = matched(name, parts).values()
    return Sequence(name, inputs, seen, masks, colours, visible_id=value)
