"""A plain folder of videos. Files beside each video describe the objects in its first frame.

<name>.mp4 (or another suffix of videos)  a video, or the folder <name>/ of its frames: pictures that differ in their
                                          last number (tgvac.sources.series)
<name>.json                               {"objects": [{"id": 1, "box": [x, y, w, h], "category": "dog",
                                          "caption": "a brown dog"}]}; box in pixels of the first frame
<name>.png (or <name>_mask.png)           the mask of the first frame: the pixel value is the object's id, or black and
                                          white for one object (tgvac.clips.mask_values)

Each video needs at least one of the two. An object that is in the mask uses its mask, any other uses its box. Later
frames have neither: phase `masks` propagates the masks. What a name may be: :mod:`tgvac.sources.safe_names`. What
becomes of other files: :mod:`tgvac.sources.video_files`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tgvac.clips.box import Box, fault_of
from tgvac.clips.mask_values import VOID, Ids, read_ids
from tgvac.clips.text_files import read_text
from tgvac.clips.video_reader import VideoReader
from tgvac.errors import BadInput
from tgvac.sources.account import Row
from tgvac.sources.adapter import Adapter, ObjectInfo, Video
from tgvac.sources.content import ContentDigest
from tgvac.sources.frames import FrameFolder, Frames
from tgvac.sources.series import is_picture
from tgvac.sources.video_files import SUFFIXES, Listed, list_videos

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


def _instead(folder: Path) -> str:
    """What to give instead of a folder without videos."""
    pictures = [name for name in sorted(p.name for p in folder.iterdir()) if is_picture(name)]
    if len(pictures) > 1:
        return f"its pictures ({pictures[0]}, …) look like the frames of one video: give the folder above it"
    return "give the folder with the videos"


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
        self._listing = list_videos(path)
        self._said: dict[str, str] = {}
        if not self._listing.videos:
            raise BadInput(f"{path} has no video ({', '.join(SUFFIXES)}) and no folder of frames; {_instead(path)}.")
        self._frames = lru_cache(maxsize=1)(self._open)
        self._objects = lru_cache(maxsize=4)(self._read_objects)
        self._mask = lru_cache(maxsize=2)(self._read_mask)

    def _listed(self, name: str) -> Listed:
        """The files of a video, if it may be used."""
        if name not in self._listing.videos:
            raise BadInput(f"{self._path / name} no longer exists; restore it.")
        listed = self._listing.videos[name]
        if listed.fault:
            raise BadInput(listed.fault)
        return listed

    def _open(self, name: str) -> Frames:
        listed = self._listed(name)
        return VideoReader(listed.path) if listed.series is None else FrameFolder(listed.path, listed.series)

    def _read_objects(self, name: str) -> dict[int, _Object]:
        path = self._listed(name).description
        if path is None:
            return {}
        try:
            objects = _Description.model_validate_json(read_text(path.read_bytes(), str(path))).objects
        except ValidationError as error:
            first = error.errors()[0]
            if first["type"] == "json_invalid":
                raise BadInput(f"{path} is not valid JSON ({first['msg']}); correct it.") from None
            raise BadInput(
                f"{path} has an invalid '{'.'.join(map(str, first['loc']))}' ({first['msg']});"
                ' write {"objects": [{"id": 1, "box": [x, y, w, h], "category": "dog", "caption": "a brown dog"}]}.'
            ) from None
        if len({o.id for o in objects}) < len(objects):
            raise BadInput(f"{path} has an id twice; give each object its own id.")
        return {o.id: o for o in objects}

    def _read_mask(self, name: str) -> Ids | None:
        """The ids of the first frame; None when there is no mask.

        In a mask in black and white, white is the only object of the description, or object 1.
        """
        path = self._listed(name).mask
        if path is None:
            return None
        found, described = read_ids(path.read_bytes(), str(path)), self._objects(name)
        if not found.black_and_white:
            return found
        object_id = next(iter(described)) if len(described) == 1 else 1
        ids_HW = np.where(found.ids_HW > 0, object_id, 0).astype(np.uint8)
        return Ids(ids_HW, found.rule or f"black and white, taken as object {object_id}", found.doubt)

    def _masked(self, name: str) -> frozenset[int]:
        found = self._mask(name)
        return frozenset() if found is None else frozenset(map(int, np.unique(found.ids_HW))) - {0, VOID}

    def names(self) -> list[str]:
        """The names of all videos, sorted; where a file's own name is not safe in paths, with a digest of it."""
        return sorted(self._listing.videos)

    def video(self, name: str) -> Video:
        """One video, after a check of the files beside it. It is decoded once, to count and check its frames."""
        frames, listed = self._frames(name), self._listed(name)
        facts = frames.examine()
        if not facts.count:
            raise BadInput(f"{listed.path} has no frames; restore them or remove the video from the folder.")
        self._check(name, *frames.frame(0).shape[:2])
        mask = self._mask(name)
        beside = [] if mask is None else [f"mask: {each}" for each in (mask.rule, mask.doubt) if each]
        self._said[name] = "; ".join([f"{facts.count} frames", *facts.said, *beside])
        content = ContentDigest()
        if isinstance(frames, FrameFolder):
            content.add(frames.store, "", frames.names, frames=True)
        else:
            content.add_video(listed.path)
        content.add_value({i: entry.model_dump(mode="json") for i, entry in sorted(self._objects(name).items())})
        content.add_value(None if listed.mask is None else zlib.crc32(listed.mask.read_bytes()))
        return Video(name, tuple(range(facts.count)), content.hexdigest(), content.footage())

    def account(self, rejected: Mapping[str, str]) -> list[Row]:
        """Each file, its video, and how it was read."""
        return self._listing.rows(dict(rejected), self._said, self._path)

    def _check(self, name: str, height: int, width: int) -> None:
        """Check that the mask and the boxes match the first frame, and that there is an object."""
        listed, found, objects = self._listed(name), self._mask(name), self._objects(name)
        if found is not None and found.ids_HW.shape != (height, width):
            raise BadInput(
                f"{listed.mask} is {found.ids_HW.shape[1]}x{found.ids_HW.shape[0]}, the first frame of its video"
                f" {width}x{height}; both must have the same size."
            )
        boxed = {i for i, o in objects.items() if o.box is not None}
        if not boxed | self._masked(name):
            if found is not None:
                raise BadInput(f"{listed.mask} shows no object, only background; draw the object of the first frame.")
            raise BadInput(
                f"{listed.path} has no object in its first frame; write {listed.name}.json with a box, or"
                f" {listed.name}.png with a mask, beside it."
            )
        if lost := sorted(set(objects) - boxed - self._masked(name)):
            raise BadInput(
                f"{listed.description} lists object {lost[0]}, which has no box and is not in {listed.name}.png; give"
                " it one of the two."
            )
        for i in sorted(boxed):
            box = self._box(objects[i])
            if box is not None and (fault := fault_of(box, height, width)):
                raise BadInput(
                    f"{listed.description}: the box {box.x:g},{box.y:g},{box.w:g},{box.h:g} of object {i} {fault}"
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
        found = self._mask(video.name) if i == 0 else None
        return None if found is None else found.ids_HW

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
        plain = re.sub(r"[-_.\d]+", " ", self._listed(video.name).name).strip() or "object"
        category, caption = (entry.category, entry.caption) if entry else ("", "")
        return ObjectInfo(category or plain, (caption,) if caption else ())
