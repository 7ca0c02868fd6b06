"""A plain folder of videos. Files beside each video describe the objects in its first frame.

<name>.mp4 (.mov, .avi, .mkv, .webm)      a video, or the folder <name>/ of its frames, 00000.jpg, 00001.jpg, …
<name>.json                               {"objects": [{"id": 1, "box": [x, y, w, h], "category": "dog",
                                          "caption": "a brown dog"}]}; box in pixels of the first frame
<name>.png                                palette PNG of the first frame: the pixel value is the object's id

Each video needs at least one of the two. An object that is in the mask uses its mask, any other uses its box. Later
frames have neither: phase `masks` propagates the masks.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tgvac.clips.archive import Store
from tgvac.clips.box import Box
from tgvac.clips.images import decode_indices, decode_rgb
from tgvac.clips.video_reader import VideoReader
from tgvac.errors import BadInput
from tgvac.sources.adapter import BLACK_AND_WHITE, VOID, Adapter, ObjectInfo, Video
from tgvac.sources.content import ContentDigest

SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm")
_FRAME = re.compile(r"\D*(\d+)\.(?:jpg|jpeg|png)", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]*")
_Side = Annotated[float, Field(gt=0)]


class _Object(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    id: Annotated[int, Field(ge=1, lt=VOID)]
    box: tuple[float, float, _Side, _Side] | None = None
    category: str = ""
    caption: str = ""


class _Description(BaseModel):
    model_config = ConfigDict(extra="forbid")

    objects: tuple[_Object, ...] = ()


class _Frames(Protocol):
    """The frames of a video."""

    fps: float

    def count(self) -> int: ...

    def frame(self, i: int) -> np.ndarray: ...


class _FrameFolder:
    """Frames as images, in the order of their numbers."""

    fps = 0.0

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        found = {int(m[1]): name for name in self.store.names() if (m := _FRAME.fullmatch(name))}
        self.names = [found[number] for number in sorted(found)]

    def count(self) -> int:
        return len(self.names)

    def frame(self, i: int) -> np.ndarray:
        if i >= len(self.names):
            raise BadInput(f"{self.store.path} no longer has frame {i}; restore it.")
        return decode_rgb(self.store.read(self.names[i]), self.store.describe(self.names[i]))


class VideoFolder(Adapter):
    """Reads a folder of videos, with one video open at a time.

    Raises:
        BadInput: when it is not a folder, or has no video.
    """

    passes_links = False

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise BadInput(f"{path} is not a folder; give the folder with the videos.")
        self._path = path
        self._videos = self._list()
        self._frames = lru_cache(maxsize=1)(self._open)
        self._objects = lru_cache(maxsize=4)(self._read_objects)
        self._mask = lru_cache(maxsize=2)(self._read_mask)

    def _list(self) -> dict[str, list[Path]]:
        """The paths of the videos, by name."""
        found: dict[str, list[Path]] = {}
        for path in sorted(p for p in self._path.iterdir() if not p.name.startswith(".")):
            if not (path.is_dir() or path.suffix.lower() in SUFFIXES):
                continue
            found.setdefault(path.name if path.is_dir() else path.stem, []).append(path)
        if not found:
            raise BadInput(
                f"{self._path} has no video ({', '.join(SUFFIXES)}) and no folder of frames; give the folder with the"
                " videos."
            )
        return found

    def _place(self, name: str) -> Path:
        """The path of a video; there must be exactly one with that name."""
        if name not in self._videos:
            raise BadInput(f"{self._path / name} no longer exists; restore it.")
        path, *others = self._videos[name]
        if others:
            raise BadInput(f"{path} and {others[0]} are two videos with the same name; rename one of them.")
        if not _NAME.fullmatch(name) or "--" in name:
            raise BadInput(
                f"{path} has an invalid name; use letters, digits, spaces, '_', '.' and single '-', and begin with a"
                " letter or digit."
            )
        return path

    def _open(self, name: str) -> _Frames:
        path = self._place(name)
        return _FrameFolder(path) if path.is_dir() else VideoReader(path)

    def _read_objects(self, name: str) -> dict[int, _Object]:
        path = self._path / f"{name}.json"
        if not path.is_file():
            return {}
        try:
            objects = _Description.model_validate_json(path.read_bytes()).objects
        except ValidationError as error:
            first = error.errors()[0]
            raise BadInput(
                f"{path} has an invalid '{'.'.join(map(str, first['loc']))}' ({first['msg']});"
                ' write {"objects": [{"id": 1, "box": [x, y, w, h], "category": "dog", "caption": "a brown dog"}]}.'
            ) from None
        if len({o.id for o in objects}) < len(objects):
            raise BadInput(f"{path} has an id twice; give each object its own id.")
        return {o.id: o for o in objects}

    def _read_mask(self, name: str) -> np.ndarray | None:
        """The ids of the first frame, ``uint8 [H,W]``; None when there is no mask."""
        path = self._path / f"{name}.png"
        return decode_indices(path.read_bytes(), str(path)) if path.is_file() else None

    def _masked(self, name: str) -> frozenset[int]:
        ids_HW = self._mask(name)
        return frozenset() if ids_HW is None else frozenset(map(int, np.unique(ids_HW))) - {0, VOID}

    def names(self) -> list[str]:
        """The names of all videos, sorted."""
        return sorted(self._videos)

    def video(self, name: str) -> Video:
        """One video, after a check of the files beside it. It is decoded once, to count its frames."""
        frames, path = self._frames(name), self._place(name)
        if not (count := frames.count()):
            raise BadInput(f"{path} has no frames; restore them or remove the video from the folder.")
        self._check(name, *frames.frame(0).shape[:2])
        content = ContentDigest()
        if isinstance(frames, _FrameFolder):
            content.add(frames.store, "", frames.names, frames=True)
        else:
            content.add_video(path)
        content.add_value({i: entry.model_dump(mode="json") for i, entry in sorted(self._objects(name).items())})
        mask = self._path / f"{name}.png"
        content.add_value(zlib.crc32(mask.read_bytes()) if mask.is_file() else None)
        return Video(name, tuple(range(count)), content.hexdigest(), content.footage())

    def _check(self, name: str, height: int, width: int) -> None:
        """Check that the mask and the boxes match the first frame, and that there is an object."""
        ids_HW, objects = self._mask(name), self._objects(name)
        if ids_HW is not None and ids_HW.shape != (height, width):
            raise BadInput(
                f"{self._path / name}.png is {ids_HW.shape[1]}x{ids_HW.shape[0]}, the first frame of its video"
                f" {width}x{height}; both must have the same size."
            )
        boxed = {i for i, o in objects.items() if o.box is not None}
        if not boxed | self._masked(name):
            if ids_HW is not None and (ids_HW == VOID).any():
                raise BadInput(f"{self._path / name}.png {BLACK_AND_WHITE}")
            raise BadInput(
                f"{self._place(name)} has no object in its first frame; write {name}.json with a box, or {name}.png"
                " with a mask, beside it."
            )
        if lost := sorted(set(objects) - boxed - self._masked(name)):
            raise BadInput(
                f"{self._path / name}.json lists object {lost[0]}, which has no box and is not in {name}.png; give it"
                " one of the two."
            )
        for i in sorted(boxed):
            box = self._box(objects[i])
            if box is not None and box.clipped(height, width) is None:
                raise BadInput(
                    f"{self._path / name}.json: the box {box.x:g},{box.y:g},{box.w:g},{box.h:g} of object {i} is"
                    f" outside its frame of {width}x{height}; correct it."
                )

    @staticmethod
    def _box(entry: _Object) -> Box | None:
        if entry.box is None:
            return None
        x, y, w, h = entry.box
        return Box(x=x, y=y, w=w, h=h)

    def fps(self, video: Video) -> float:
        """The frame rate that the file states; 0 for a folder of frames."""
        return self._frames(video.name).fps

    def frame(self, video: Video, i: int) -> np.ndarray:
        return self._frames(video.name).frame(i)

    def annotation(self, video: Video, i: int) -> np.ndarray | None:
        """The mask of the first frame, if there is one."""
        return self._mask(video.name) if i == 0 else None

    def boxes(self, video: Video, i: int) -> dict[int, Box | None] | None:
        """The boxes of objects without a mask, in the first frame; None for other frames."""
        if i:
            return None
        masked = self._masked(video.name)
        found = {k: self._box(o) for k, o in self._objects(video.name).items() if k not in masked}
        return {k: box for k, box in found.items() if box is not None} or None

    def info(self, video: Video, object_id: int) -> ObjectInfo:
        """From the JSON file; otherwise the category is the name of the video."""
        entry = self._objects(video.name).get(object_id)
        plain = re.sub(r"[-_.\d]+", " ", video.name).strip() or "object"
        category, caption = (entry.category, entry.caption) if entry else ("", "")
        return ObjectInfo(category or plain, (caption,) if caption else ())
