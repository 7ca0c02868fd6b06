"""A plain folder of videos, with what is known of the objects in their first frame beside them.

<name>.mp4 (.mov, .avi, .mkv, .webm)      a video; or the folder <name>/ of its frames, 00000.jpg, 00001.jpg, …
<name>.json                               {"objects": [{"id": 1, "box": [x, y, w, h], "category": "dog",
                                          "caption": "a brown dog"}]}; box in pixels of the first frame
<name>.png                                palette PNG of the first frame: the pixel's value is the object's id

Each video has at least one of the two. An object in the mask has its mask; one that has a box and is not in it has its
box. Later frames say nothing of either: the masks are carried on by phase `masks`.
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


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")

    objects: tuple[_Object, ...] = ()


class _Frames(Protocol):
    """Where a video's frames come from."""

    fps: float

    def count(self) -> int: ...

    def frame(self, i: int) -> np.ndarray: ...


class _FrameFolder:
    """Frames as still images, in the order of their numbers."""

    fps = 0.0

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        found = {int(m[1]): name for name in self.store.names() if (m := _FRAME.fullmatch(name))}
        self.names = [found[number] for number in sorted(found)]

    def count(self) -> int:
        return len(self.names)

    def frame(self, i: int) -> np.ndarray:
        if i >= len(self.names):
            raise BadInput(f"{self.store.path} has no frame {i}, which was there when sources were listed; restore it.")
        return decode_rgb(self.store.read(self.names[i]), self.store.describe(self.names[i]))


class VideoFolder(Adapter):
    """Reads a folder of videos; one video is open at a time.

    Raises:
        BadInput: when it is no folder, or holds no video.
    """

    passes_links = False

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise BadInput(f"{path} is no folder; give the folder that holds the videos.")
        self._path = path
        self._videos = self._list()
        self._frames = lru_cache(maxsize=1)(self._open)
        self._said = lru_cache(maxsize=4)(self._read_said)
        self._mask = lru_cache(maxsize=2)(self._read_mask)

    def _list(self) -> dict[str, list[Path]]:
        """The videos of each name."""
        found: dict[str, list[Path]] = {}
        for path in sorted(p for p in self._path.iterdir() if not p.name.startswith(".")):
            if not (path.is_dir() or path.suffix.lower() in SUFFIXES):
                continue
            found.setdefault(path.name if path.is_dir() else path.stem, []).append(path)
        if not found:
            raise BadInput(
                f"{self._path} holds no video ({', '.join(SUFFIXES)}) and no folder of frames; give the folder that"
                " holds them."
            )
        return found

    def _place(self, name: str) -> Path:
        """Where a video lies, if one of that name does, and one alone."""
        if name not in self._videos:
            raise BadInput(f"{self._path / name} is no longer there, as it was when sources were listed; restore it.")
        path, *others = self._videos[name]
        if others:
            raise BadInput(f"{path} and {others[0]} are two videos of one name; rename one of them.")
        if not _NAME.fullmatch(name) or "--" in name:
            raise BadInput(
                f"{path} has a name that cannot be a video's; write letters, digits, spaces, '_', '.' and single"
                " '-', and a letter or digit first."
            )
        return path

    def _open(self, name: str) -> _Frames:
        path = self._place(name)
        return _FrameFolder(path) if path.is_dir() else VideoReader(path)

    def _read_said(self, name: str) -> dict[int, _Object]:
        path = self._path / f"{name}.json"
        if not path.is_file():
            return {}
        try:
            objects = _Said.model_validate_json(path.read_bytes()).objects
        except ValidationError as error:
            first = error.errors()[0]
            raise BadInput(
                f"{path} has a wrong '{'.'.join(map(str, first['loc']))}' ({first['msg']});"
                ' write {"objects": [{"id": 1, "box": [x, y, w, h], "category": "dog", "caption": "a brown dog"}]}.'
            ) from None
        if len({o.id for o in objects}) < len(objects):
            raise BadInput(f"{path} names an id twice; give each object an id of its own.")
        return {o.id: o for o in objects}

    def _read_mask(self, name: str) -> np.ndarray | None:
        """The ids of the first frame, ``uint8 [H,W]``; None where there is no mask."""
        path = self._path / f"{name}.png"
        return decode_indices(path.read_bytes(), str(path)) if path.is_file() else None

    def _masked(self, name: str) -> frozenset[int]:
        ids_HW = self._mask(name)
        return frozenset() if ids_HW is None else frozenset(map(int, np.unique(ids_HW))) - {0, VOID}

    def names(self) -> list[str]:
        """Of all videos, sorted."""
        return sorted(self._videos)

    def video(self, name: str) -> Video:
        """One video, which what lies beside it fits; it is decoded once, to count its frames."""
        frames, path = self._frames(name), self._place(name)
        if not (count := frames.count()):
            raise BadInput(f"{path} holds no frames; restore them or take the video out of the folder.")
        self._check(name, *frames.frame(0).shape[:2])
        content = ContentDigest()
        if isinstance(frames, _FrameFolder):
            content.add(frames.store, "", frames.names, frames=True)
        else:
            content.add_video(path)
        content.say({i: said.model_dump(mode="json") for i, said in sorted(self._said(name).items())})
        mask = self._path / f"{name}.png"
        content.say(zlib.crc32(mask.read_bytes()) if mask.is_file() else None)
        return Video(name, tuple(range(count)), content.hexdigest(), content.footage())

    def _check(self, name: str, height: int, width: int) -> None:
        """See that mask and boxes fit the first frame, and that there is some object."""
        ids_HW, said = self._mask(name), self._said(name)
        if ids_HW is not None and ids_HW.shape != (height, width):
            raise BadInput(
                f"{self._path / name}.png is {ids_HW.shape[1]}x{ids_HW.shape[0]}, the first frame of its video"
                f" {width}x{height}; both must have one size."
            )
        boxed = {i for i, o in said.items() if o.box is not None}
        if not boxed | self._masked(name):
            if ids_HW is not None and (ids_HW == VOID).any():
                raise BadInput(f"{self._path / name}.png {BLACK_AND_WHITE}")
            raise BadInput(
                f"{self._place(name)} has no object in its first frame; write {name}.json with a box, or {name}.png"
                " with a mask, beside it."
            )
        if lost := sorted(set(said) - boxed - self._masked(name)):
            raise BadInput(
                f"{self._path / name}.json names object {lost[0]}, which has no box and is not in {name}.png; give it"
                " one of the two."
            )
        for i in sorted(boxed):
            box = self._box(said[i])
            if box is not None and box.clipped(height, width) is None:
                raise BadInput(
                    f"{self._path / name}.json: the box {box.x:g},{box.y:g},{box.w:g},{box.h:g} of object {i} lies"
                    f" outside of its frame of {width}x{height}; correct it."
                )

    @staticmethod
    def _box(said: _Object) -> Box | None:
        if said.box is None:
            return None
        x, y, w, h = said.box
        return Box(x=x, y=y, w=w, h=h)

    def fps(self, video: Video) -> float:
        """As the file says; 0 for a folder of frames."""
        return self._frames(video.name).fps

    def frame(self, video: Video, i: int) -> np.ndarray:
        return self._frames(video.name).frame(i)

    def annotation(self, video: Video, i: int) -> np.ndarray | None:
        """The mask of the first frame, where there is one."""
        return self._mask(video.name) if i == 0 else None

    def boxes(self, video: Video, i: int) -> dict[int, Box | None] | None:
        """The boxes of objects that have no mask, in the first frame; of others nothing is said."""
        if i:
            return None
        masked = self._masked(video.name)
        found = {k: self._box(o) for k, o in self._said(video.name).items() if k not in masked}
        return {k: box for k, box in found.items() if box is not None} or None

    def info(self, video: Video, object_id: int) -> ObjectInfo:
        """What the JSON says; else the video's name stands for the category."""
        said = self._said(video.name).get(object_id)
        plain = re.sub(r"[-_.\d]+", " ", video.name).strip() or "object"
        category, caption = (said.category, said.caption) if said else ("", "")
        return ObjectInfo(category or plain, (caption,) if caption else ())
